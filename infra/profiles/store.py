"""Which store holds the profiles: a file of the state folder, or Redis, as ``services.profile_store`` says."""

from collections.abc import Mapping
from datetime import datetime

import pandas as pd

from infra.profiles import in_redis, in_sqlite, redis_client
from infra.profiles.shape import Profiles
from infra.settings import Settings
from infra.state import State


def publish(
    settings: Settings,
    state: State,
    generation: str,
    as_of: pd.Timestamp,
    tables: Mapping[str, pd.DataFrame],
    now: datetime,
) -> None:
    """Publish the tables of ``KEYS`` by a swap: readers see what was there before, or all of this.

    Raises:
        AimloopError: Redis cannot be written; what was published stays so.
    """
    if _is_redis(settings):
        in_redis.publish(redis_client.for_writing(settings), state, generation, as_of, tables, now)
    else:
        in_sqlite.publish(state, generation, as_of, tables, now)


def published(settings: Settings, state: State) -> str | None:
    """The name of what is published now, another one after each publication; None before the first.

    Raises:
        AimloopError: Redis cannot be read.
    """
    return (
        in_redis.published(redis_client.for_reading(settings), state)
        if _is_redis(settings)
        else in_sqlite.published(state)
    )


def open_profiles(settings: Settings, state: State) -> Profiles:
    """Open what is published now.

    Raises:
        AimloopError: nothing is, or the store cannot be read.
    """
    if _is_redis(settings):
        return in_redis.open_profiles(redis_client.for_reading(settings), state)
    return in_sqlite.open_profiles(state)


def _is_redis(settings: Settings) -> bool:
    return settings.services.profile_store == "redis"
