"""The secrets (storage, pseudonyms, tombstones) and what is made with them.

A pseudonym is the HMAC-SHA256 of the company's own customer id (RFC 2104), cut to 96 bits and
written in the letters a-p: without digits it can never look like a phone or id number, so a
search for personal data has no false alarms.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from infra.errors import AimloopError
from infra.files import publish_text
from infra.settings import Settings
from infra.state import State

_HEX_TO_LETTERS = bytes.maketrans(b"0123456789abcdef", b"abcdefghijklmnop")
_PSEUDONYM_BYTES = 12
_TOMBSTONE_BYTES = 16
_FINGERPRINT = "pseudonym.fingerprint"
PARTS = ("storage", "pseudonym")
LEAST_CHARACTERS = 16


@dataclass(frozen=True)
class Keys:
    """Secrets of one state folder, kept out of every ``repr``."""

    storage: str = field(repr=False)
    pseudonym: bytes = field(repr=False)
    tombstone: bytes | None = field(default=None, repr=False)

    def pseudonymise(self, customer_id: str) -> str:
        """The pseudonym of a company's customer id: 24 letters, the same for the same key."""
        return _letters(self.pseudonym, customer_id, _PSEUDONYM_BYTES)

    def entomb(self, customer_id: str) -> str:
        """The tombstone of a customer id: 32 letters. Its key is never rotated, so it outlasts pseudonyms."""
        if self.tombstone is None:
            raise ValueError("there is no tombstone key yet")
        return _letters(self.tombstone, customer_id, _TOMBSTONE_BYTES)

    def fingerprint(self) -> str:
        """A label that changes with the pseudonym key and tells nothing about it."""
        return _label(self.pseudonym)

    def tombstone_fingerprint(self) -> str | None:
        """The same for the tombstones' key; None before there is one."""
        return None if self.tombstone is None else _label(self.tombstone)


def _letters(key: bytes, text: str, length: int) -> str:
    digest = hmac.digest(key, text.encode(), hashlib.sha256)
    return digest[:length].hex().encode().translate(_HEX_TO_LETTERS).decode()


def _label(key: bytes) -> str:
    return hmac.digest(key, b"aimloop key fingerprint", hashlib.sha256).hex()[:8]


def open_keys(settings: Settings, state: State) -> Keys:
    """Read the keys from the settings or their owner-only files; make the first two at first use.

    Raises:
        AimloopError: a key file is gone although data written with it is still there, or the pseudonym
            key is another one than `aimloop rotate-key` has moved to.
    """
    storage = _key(settings.storage_key, state.keys / "storage.key", guarded=state.raw_zone)
    pseudonym = _key(settings.pseudonym_key, state.keys / "pseudonym.key", guarded=state.raw_zone)
    keys = Keys(storage, pseudonym.encode(), _tombstone_key(settings, state))
    rotated_to = state.keys / _FINGERPRINT
    if rotated_to.exists() and rotated_to.read_text(encoding="ascii").strip() != keys.fingerprint():
        raise AimloopError(
            f"this pseudonym key is not the one that {state.root} was rotated to",
            "set AIMLOOP_PSEUDONYM_KEY to the new key (what AIMLOOP_NEW_PSEUDONYM_KEY was), and start services anew",
        )
    return keys


def _tombstone_key(settings: Settings, state: State) -> bytes | None:
    file = state.erasure / "tombstone.key"
    if settings.tombstone_key is None and not file.exists():
        return None
    return _key(settings.tombstone_key, file, guarded=file).encode()


def make_tombstone_key(settings: Settings, state: State) -> bytes:
    """The key of tombstones, made at the first erasure (`tombstones.read` refuses a lost one)."""
    file = state.erasure / "tombstone.key"
    return _key(settings.tombstone_key, file, guarded=file).encode()


def make_next(settings: Settings, now: State, following: State, parts: Iterable[str]) -> Keys:
    """The keys of the epoch that follows: new ones for ``parts``, the same otherwise. Writes their files there.

    Raises:
        AimloopError: a key comes from the environment and its successor does not, or they are the same.
    """
    keys = open_keys(settings, now)
    made = {"storage": keys.storage, "pseudonym": keys.pseudonym.decode()}
    for part in PARTS:
        given = getattr(settings, f"{part}_key") is not None
        successor: SecretStr | None = getattr(settings, f"new_{part}_key") if part in parts else None
        if part in parts and given and successor is None:
            raise AimloopError(
                f"the {part} key comes from the environment, and its successor must come from there too",
                f"set AIMLOOP_NEW_{part.upper()}_KEY (a new random one: openssl rand -hex 32) and run this again",
            )
        if successor is not None:
            fresh = _long_enough(successor.get_secret_value(), f"AIMLOOP_NEW_{part.upper()}_KEY")
        else:
            fresh = secrets.token_hex(32) if part in parts else made[part]
        if part in parts and fresh == made[part]:
            raise AimloopError(f"AIMLOOP_NEW_{part.upper()}_KEY is the key in use", "give a new random one")
        if successor is None and not given:
            write_key(following.keys / f"{part}.key", fresh)
        made[part] = fresh
    next_keys = Keys(made["storage"], made["pseudonym"].encode(), keys.tombstone)
    publish_text(following.keys / _FINGERPRINT, next_keys.fingerprint() + "\n")
    return next_keys


def _long_enough(key: str, where: str) -> str:
    if len(key) < LEAST_CHARACTERS:
        raise AimloopError(
            f"the key in {where} has {len(key)} characters, {LEAST_CHARACTERS} are the least",
            "give the key that was used before, or a new random one for new data",
        )
    return key


def _key(given: SecretStr | None, file: Path, guarded: Path) -> str:
    if given is not None:
        return _long_enough(given.get_secret_value(), f"AIMLOOP_{file.stem.upper()}_KEY")
    if file.exists():
        return _long_enough(file.read_bytes().decode(errors="replace").strip(), str(file))
    if guarded.exists():
        raise AimloopError(
            f"{file} is missing, but {guarded} was written with it",
            f"put the key back (file, or AIMLOOP_{file.stem.upper()}_KEY); without it the raw zone must be "
            f"removed and landed again: rm {guarded}",
        )
    write_key(file, secrets.token_hex(32))
    return file.read_text(encoding="ascii").strip()


def write_key(file: Path, key: str) -> None:
    """An owner-only file, there whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(file.name + ".fresh")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(key + "\n")
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
