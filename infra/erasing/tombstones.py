"""Tombstones: keyed marks of erased people, by which they are known if a later export brings them back.

A tombstone is an HMAC of the customer id under a key of its own, which is never rotated; who lacks the
key can neither read a tombstone nor test a guess. They lie in one small file beside that key.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.errors import AimloopError
from infra.files import publish_text
from infra.keys import Keys
from infra.state import State


def read(state: State, keys: Keys) -> dict[str, str]:
    """Tombstone → since when (ISO 8601); empty where nobody has been erased.

    Raises:
        AimloopError: there are some, and their key is gone or another one: erased people would come back.
    """
    content = _content(state)
    if content["people"] and content["key"] != keys.tombstone_fingerprint():
        raise AimloopError(
            f"{_file(state)} holds {len(content['people'])} erased people, and the tombstone key does not fit",
            f"put back {state.erasure / 'tombstone.key'} (or AIMLOOP_TOMBSTONE_KEY): else erased people return",
        )
    return dict(content["people"])


def of_pseudonyms(state: State, keys: Keys) -> list[str]:
    """The marks of the pseudonyms that erased people had, by which late rows of theirs are known in the log.

    Raises:
        AimloopError: as ``read``.
    """
    read(state, keys)
    return list(_content(state).get("pseudonyms", []))


def add(state: State, keys: Keys, customer_ids: Sequence[str], now: datetime) -> list[str]:
    """Leave a tombstone for each id and return them in order; one that is there keeps its date."""
    people = read(state, keys)
    marks = [keys.entomb(customer_id) for customer_id in customer_ids]
    people = {mark: now.isoformat(timespec="seconds") for mark in marks} | people
    pseudonyms = {mark_of_pseudonym(keys, keys.pseudonymise(customer_id)) for customer_id in customer_ids}
    content = {
        "key": keys.tombstone_fingerprint(),
        "people": people,
        "pseudonyms": sorted(pseudonyms.union(of_pseudonyms(state, keys))),
    }
    state.erasure.mkdir(exist_ok=True)
    publish_text(_file(state), json.dumps(content, indent=2) + "\n")
    return marks


def mark_of_pseudonym(keys: Keys, pseudonym: str) -> str:
    """The same digest as a tombstone, of a pseudonym: it tells as little, and outlasts the rotation of its key."""
    return keys.entomb(pseudonym)


def fingerprint(state: State) -> str:
    """A label of who has been erased; empty for nobody."""
    people = sorted(_content(state)["people"])
    return hashlib.sha256("".join(people).encode()).hexdigest()[:8] if people else ""


def _file(state: State) -> Path:
    return state.erasure / "tombstones.json"


def _content(state: State) -> dict[str, Any]:
    file = _file(state)
    if not file.exists():
        return {"key": None, "people": {}}
    return dict(json.loads(file.read_text(encoding="utf-8")))
