"""Rotate: all that depends on the keys is written anew under new ones, beside the old, and one pointer is swapped.

Killed at any moment, the state is the old one whole or the new one whole; what is left of the other is
cleared away by whoever locks the state next. Services turn to the new epoch at their next request; what they
logged under the old keys until then follows, unless the rotation is killed between its switch and its end.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flows import forget
from flows.context import Door, now
from infra import epochs, keys
from infra.erasing import redis_profiles, replays
from infra.erasing.rotation import Side, rewrite
from infra.errors import AimloopError
from infra.intake import log_landing, prediction_files
from infra.keys import Keys
from infra.settings import Settings
from infra.state import State


def rotate(door: Door, parts: Sequence[str]) -> dict[str, Any]:
    """New keys for ``parts`` (storage, pseudonym). The caller holds the state's lock.

    Champions, ledger and models hold no pseudonym and stay as they are. An erasure that was cut short is
    finished first. Experiments go on: who gets which version hangs on the company's own customer ids.

    Raises:
        AimloopError: a key comes from the environment and its successor does not; the disk is full; Redis cannot
            be reached.
    """
    replays.refuse_running(door.state)
    forget.finish(door)
    dropped = replays.drop_all(door.state)  # their keys are made from those that go
    old = door.state.pinned()
    name = epochs.start(door.state.root)
    following = replace(old, epoch=name)
    log_landing.land(old, door.keys, now(), prediction_files.every(old.predictions))
    try:
        new_keys = keys.make_next(door.settings, old, following, parts)
        renamed = rewrite(door.settings, Side(old, door.keys), Side(following, new_keys))
    except BaseException:
        shutil.rmtree(following.epoch_folder, ignore_errors=True)
        raise
    epochs.switch(door.state.root, name)
    door.audit.record("rotate-key", {"keys": list(parts), "epoch": name}, now())
    late = _follow(old, following, new_keys, renamed if "pseudonym" in parts else None)
    epochs.sweep(door.state.root)
    return {
        "rotated": list(parts),
        "epoch": name,
        "next": _what_to_set(door.settings, parts) + late + _end_in_redis(door) + _to_replay(dropped),
    }


def _to_replay(dropped: Sequence[str]) -> list[str]:
    return [f"replays were dropped, their keys came from the old ones: {', '.join(dropped)}"] if dropped else []


def _follow(old: State, following: State, new_keys: Keys, renamed: Mapping[str, str] | None) -> list[str]:
    """Land what services logged during the rotation; what people must know where that cannot be done."""
    try:
        files = prediction_files.every(old.predictions)
    except AimloopError as error:
        return [f"{error.what}: what it logged during the rotation is lost"]
    log_landing.land(following, new_keys, now(), files, renamed=renamed)
    return []


def _end_in_redis(door: Door) -> list[str]:
    """The old profiles go from Redis; where it has gone away meanwhile, the keys are rotated all the same."""
    try:
        redis_profiles.end_epochs(door.settings, door.state)
    except AimloopError as error:
        return [f"{error.what}: the next `aimloop run` removes the profiles under the old pseudonyms there"]
    return []


def _what_to_set(settings: Settings, parts: Sequence[str]) -> list[str]:
    """What people must change in the environment before the next command."""
    given = [part.upper() for part in parts if getattr(settings, f"new_{part}_key") is not None]
    return [
        f"set AIMLOOP_{part}_KEY to what AIMLOOP_NEW_{part}_KEY is, and unset AIMLOOP_NEW_{part}_KEY" for part in given
    ]
