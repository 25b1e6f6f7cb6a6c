"""What the keys in Redis are called, and how rows are written in them (docs/decisions/0028).

``aimloop:<folder>:generations``            set of ``<epoch>:<generation>``: what was begun and not yet removed
``aimloop:<folder>:<epoch>:current``        the name of the published generation
``aimloop:<folder>:<epoch>:<generation>:…`` a hash for ``contents`` and for each table: key → its other values

The folder is a random name that a state folder gives itself when it first publishes.
"""

import json
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import orjson
from redis import Redis

from infra import epochs
from infra.files import publish_text
from infra.profiles.shape import KEYS, Column, Value
from infra.state import State

MARK = b""  # the field of each table that says which publication it belongs to; no key is written so
_NOBODY = b"-"  # nor so
_FIELDS_A_COMMAND = 500  # Redis does nothing else meanwhile: 0.3 ms
_COMMANDS_A_TRIP = 20
_FIELDS_A_SCAN = 1_000


@dataclass(frozen=True)
class Place:
    """The keys of one epoch of a state folder."""

    folder: str
    epoch: str

    @property
    def generations(self) -> str:
        return f"aimloop:{self.folder}:generations"

    @property
    def pointer(self) -> str:
        return f"aimloop:{self.folder}:{self.epoch}:current"

    def member(self, generation: str) -> str:
        """How a generation of this epoch is called among all ``generations``."""
        return f"{self.epoch}:{generation}"

    def hash(self, generation: str, table: str) -> str:
        return f"aimloop:{self.folder}:{self.epoch}:{generation}:{table}"


def find(state: State) -> Place | None:
    """Where a state's profiles lie in Redis; None when it has never published there."""
    try:
        folder = state.redis_name.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    return Place(folder, state.epoch_folder.name)


def settle(state: State) -> Place:
    """The same; from now on there is one."""
    if not state.redis_name.exists():
        publish_text(state.redis_name, secrets.token_hex(8) + "\n")
    place = find(state)
    assert place is not None
    return place


def published(client: Redis, place: Place) -> str | None:
    """The name of an epoch's published generation."""
    name = client.execute_command("GET", place.pointer)
    return name.decode() if name is not None else None


def sweep(client: Redis, state: State, place: Place, kept: Collection[str | None]) -> None:
    """Remove the generations of this epoch that are not ``kept``, and everything of epochs that have ended."""
    for member in client.execute_command("SMEMBERS", place.generations):
        epoch, generation = member.decode().split(":", 1)
        theirs = Place(place.folder, epoch)
        gone = [theirs.hash(generation, table) for table in (*KEYS, "contents")]
        if not epochs.folder(state.root, epoch).is_dir():
            gone.append(theirs.pointer)
        elif epoch != place.epoch or generation in kept:
            continue
        client.unlink(*gone)  # not in one transaction: a Redis that is full refuses those
        client.srem(place.generations, member)


def fill(client: Redis, key: str, pairs: Iterable[tuple[bytes, bytes]]) -> None:
    """Write fields into a hash, many a round trip."""
    rest = iter(pairs)
    pipeline = client.pipeline(transaction=False)
    while chunk := [*islice(rest, _FIELDS_A_COMMAND)]:
        pipeline.execute_command("HSET", key, *(part for pair in chunk for part in pair))
        if len(pipeline) == _COMMANDS_A_TRIP:
            pipeline.execute()
    pipeline.execute()


def pages(client: Redis, key: str) -> Iterator[dict[bytes, bytes]]:
    """All fields of a hash that nobody writes to, its mark left out; a field may come twice."""
    cursor = 0
    while True:
        cursor, page = client.execute_command("HSCAN", key, cursor, "COUNT", _FIELDS_A_SCAN)
        page.pop(MARK, None)
        yield page
        if cursor == 0:
            return


def written_key(key: Sequence[Value]) -> bytes:
    """A key as the name of a field; JSON keeps its parts apart, whatever they hold."""
    try:
        return orjson.dumps(key)
    except TypeError:  # half a surrogate pair is no text: nobody is called that
        return _NOBODY


def written(columns: Sequence[Column], parts: int) -> Iterator[tuple[bytes, bytes]]:
    """A table's rows as fields of a hash, the first ``parts`` columns as their key. Numbers keep every bit."""
    has_infinity = any(column.is_numeric and np.isinf(np.array(column.values, float)).any() for column in columns)
    write = _with_infinity if has_infinity else orjson.dumps  # which writes NaN as null
    for values in zip(*(column.values for column in columns), strict=True):
        yield written_key(values[:parts]), write(values[parts:])


def _with_infinity(values: Sequence[Value]) -> bytes:
    """JSON does not have it; Python's module writes it all the same, and would write NaN as well."""
    return json.dumps([None if value != value else value for value in values]).encode()


def read_row(text: bytes) -> list[Any]:
    """The values of a field."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)
