"""Profiles in Redis: written under a generation's own names, then published by moving one pointer.

Readers see one generation or the next, never half a load; the one before stays for requests under way.
"""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import orjson
import pandas as pd
from redis import Redis
from redis.exceptions import RedisError

from infra.profiles import redis_layout
from infra.profiles.redis_client import address, explained, trouble
from infra.profiles.redis_layout import MARK, Place, fill, read_row, sweep, written, written_key
from infra.profiles.shape import KEYS, GenerationGone, Row, fresh_name, nothing_published, stored_columns
from infra.state import State


def publish(
    client: Redis,
    state: State,
    generation: str,
    as_of: pd.Timestamp,
    tables: Mapping[str, pd.DataFrame],
    now: datetime,
) -> None:
    """Write the tables of ``KEYS`` and point readers to them.

    Before that goes all that is not published: older generations, and what a publication cut short had left.
    """
    place = redis_layout.settle(state)
    with explained(client):
        before = redis_layout.published(client, place)
        sweep(client, state, place, {before})
        name = fresh_name(generation, before)
        client.sadd(place.generations, place.member(name))
        try:
            _write(client, place, name, as_of, tables, now)
        except BaseException:
            with suppress(RedisError):  # it may be gone or full; the next publication sweeps as well
                sweep(client, state, place, {before})
            raise
        client.set(place.pointer, name)


def published(client: Redis, state: State) -> str | None:
    """The name of the published generation, None where there is none."""
    place = redis_layout.find(state)
    with explained(client):
        return redis_layout.published(client, place) if place else None


@dataclass(frozen=True)
class RedisProfiles:
    """One published generation, read in one round trip a question."""

    generation: str
    as_of: str
    published_at: datetime
    columns: Mapping[str, tuple[str, ...]]
    mark: bytes
    place: Place
    client: Redis = field(repr=False)

    def rows(self, table: str, keys: Sequence[tuple[str | None, ...]]) -> list[Row | None]:
        """The mark is asked for along with the keys: it tells strangers from a generation that is no longer there."""
        try:
            key = self.place.hash(self.generation, table)
            asked = self.client.execute_command("HMGET", key, MARK, *map(written_key, keys))
        except RedisError as error:
            raise trouble(error, self.client) from None
        if asked[0] != self.mark:
            raise _gone(self.client, self.generation)
        return [None if found is None else (*key, *read_row(found)) for key, found in zip(keys, asked[1:], strict=True)]

    def close(self) -> None:
        """Connections belong to the process: the next generation is read through them."""


def open_profiles(client: Redis, state: State) -> RedisProfiles:
    """Open what is published.

    Raises:
        AimloopError: nothing has been published yet, or Redis cannot be read.
    """
    place = redis_layout.find(state)
    with explained(client):
        name = redis_layout.published(client, place) if place else None
        if place is None or name is None:
            raise nothing_published(f"Redis at {address(client)}")
        contents = client.execute_command("HGETALL", place.hash(name, "contents"))
    if not contents:
        raise _gone(client, name)
    columns = {table: tuple(names) for table, names in orjson.loads(contents[b"columns"]).items()}
    published_at = datetime.fromisoformat(contents[b"published_at"].decode())
    return RedisProfiles(name, contents[b"as_of"].decode(), published_at, columns, contents[b"mark"], place, client)


def _write(
    client: Redis, place: Place, name: str, as_of: pd.Timestamp, tables: Mapping[str, pd.DataFrame], now: datetime
) -> None:
    mark = secrets.token_hex(8)
    columns = {}
    for table, key in KEYS.items():
        frame, hashed = tables[table], place.hash(name, table)
        stored = stored_columns(table, frame)
        columns[table] = [column.name for column in stored]
        client.hset(hashed, MARK, mark)
        fill(client, hashed, written(stored, len(key)))
        if client.hlen(hashed) != 1 + len(frame):
            raise ValueError(f"the keys of {table} are not unique")
    contents = {
        b"as_of": as_of.isoformat().encode(),
        b"published_at": now.isoformat().encode(),
        b"columns": orjson.dumps(columns),
        b"mark": mark.encode(),
    }
    fill(client, place.hash(name, "contents"), contents.items())


def _gone(client: Redis, generation: str) -> GenerationGone:
    return GenerationGone(
        f"Redis at {address(client)} no longer holds generation {generation}",
        "ask again; where that does not help, Redis has lost its data: `aimloop run` publishes it anew",
    )
