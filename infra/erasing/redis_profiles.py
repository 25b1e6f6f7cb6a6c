"""Profiles in Redis without some people, and under other pseudonyms.

A deleted field is gone from Redis' memory; what it has written to its own disk before (RDB, AOF) it writes
anew at its next save (docs/decisions/0028).
"""

from collections import Counter
from collections.abc import Iterator, Mapping

import orjson
from redis import Redis

from infra.erasing.journal import Journal
from infra.errors import AimloopError
from infra.profiles import redis_client, redis_layout
from infra.profiles.redis_client import explained
from infra.profiles.redis_layout import MARK, fill, pages, sweep, written_key
from infra.profiles.shape import KEYS
from infra.settings import Settings
from infra.state import State

_FIELDS_A_COMMAND = 1_000


def erase(settings: Settings, state: State, people: Mapping[str, str], journal: Journal) -> None:
    """Remove the rows of ``people`` (pseudonym → tombstone) where they are, and every other generation whole."""
    place = redis_layout.find(state)
    if place is None:
        return
    client = _client(settings, state)
    with explained(client):
        name = redis_layout.published(client, place)
        sweep(client, state, place, {name})
        if name is None:
            return
        found = {
            place.hash(name, table): _fields(client, place.hash(name, table), people)
            for table, key in KEYS.items()
            if key[0] == "pseudonym"
        }
        owners = (people[orjson.loads(field)[0]] for fields in found.values() for field in fields)
        journal.removed("profiles in Redis", Counter(owners))
        for key, fields in found.items():
            for start in range(0, len(fields), _FIELDS_A_COMMAND):
                client.hdel(key, *fields[start : start + _FIELDS_A_COMMAND])


def copy(settings: Settings, old: State, following: State, renamed: Mapping[str, str] | None) -> None:
    """Publish in the epoch ``following`` what is published in ``old``, pseudonyms ``renamed`` where given.

    Rows of people who have no new pseudonym are left behind.
    """
    source, target = redis_layout.find(old), redis_layout.find(following)
    if source is None or target is None:
        return
    client = _client(settings, old)
    with explained(client):
        client.delete(target.pointer)  # a rotation that was cut short may have used the number of this epoch before
        sweep(client, following, target, ())
        name = redis_layout.published(client, source)
        if name is None:
            return
        contents = client.execute_command("HGETALL", source.hash(name, "contents"))
        client.sadd(target.generations, target.member(name))
        for table, key in KEYS.items():
            fresh = target.hash(name, table)
            client.hset(fresh, MARK, contents[b"mark"])
            names = renamed if key[0] == "pseudonym" else None
            for page in pages(client, source.hash(name, table)):
                fill(client, fresh, page.items() if names is None else _renamed(page, names))
        client.hset(target.hash(name, "contents"), mapping=contents)
        client.set(target.pointer, name)


def end_epochs(settings: Settings, state: State) -> None:
    """Remove what Redis holds of epochs that do not count any more.

    Raises:
        AimloopError: Redis cannot be reached; the next publication removes it.
    """
    place = redis_layout.find(state)
    if place is not None:
        client = _client(settings, state)
        with explained(client):
            sweep(client, state, place, {redis_layout.published(client, place)})


def _client(settings: Settings, state: State) -> Redis:
    if settings.services.redis_url is None:
        raise AimloopError(
            f"profiles of {state.root} were published to Redis, and services.redis_url does not say where it is",
            "set AIMLOOP_SERVICES__REDIS_URL; or, where that Redis is gone with all that it held, "
            f"remove {state.redis_name}",
        )
    return redis_client.for_writing(settings)


def _fields(client: Redis, key: str, people: Mapping[str, str]) -> list[bytes]:
    """The fields of a hash that are about these people, each once."""
    return list({field for page in pages(client, key) for field in page if orjson.loads(field)[0] in people})


def _renamed(page: Mapping[bytes, bytes], names: Mapping[str, str]) -> Iterator[tuple[bytes, bytes]]:
    for field, row in page.items():
        old, *others = orjson.loads(field)
        if old in names:
            yield written_key([names[old], *others]), row
