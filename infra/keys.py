"""The two secrets (storage, pseudonyms) and what is made with them.

A pseudonym is the HMAC-SHA256 of the company's own customer id (RFC 2104), cut to 96 bits and
written in the letters a-p: without digits it can never look like a phone or id number, so a
search for personal data has no false alarms.
"""

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from infra.errors import AimloopError
from infra.settings import Settings
from infra.state import State

_HEX_TO_LETTERS = bytes.maketrans(b"0123456789abcdef", b"abcdefghijklmnop")
_PSEUDONYM_BYTES = 12
LEAST_CHARACTERS = 16


@dataclass(frozen=True)
class Keys:
    """Secrets of one state folder, kept out of every ``repr``."""

    storage: str = field(repr=False)
    pseudonym: bytes = field(repr=False)

    def pseudonymise(self, customer_id: str) -> str:
        """The pseudonym of a company's customer id: 24 letters, the same for the same key."""
        digest = hmac.digest(self.pseudonym, customer_id.encode(), hashlib.sha256)
        return digest[:_PSEUDONYM_BYTES].hex().encode().translate(_HEX_TO_LETTERS).decode()

    def fingerprint(self) -> str:
        """A label that changes with the pseudonym key and tells nothing about it."""
        return hmac.digest(self.pseudonym, b"aimloop key fingerprint", hashlib.sha256).hex()[:8]


def open_keys(settings: Settings, state: State) -> Keys:
    """Read both keys from the settings or their owner-only files; make the files at first use.

    Raises:
        AimloopError: a key file is gone although data written with it is still there.
    """
    storage = _key(settings.storage_key, state.keys / "storage.key", guarded=state.raw_zone)
    pseudonym = _key(settings.pseudonym_key, state.keys / "pseudonym.key", guarded=state.raw_zone)
    return Keys(storage=storage, pseudonym=pseudonym.encode())


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
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(file.name + ".fresh")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as out:
        out.write(secrets.token_hex(32) + "\n")
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
    return file.read_text(encoding="ascii").strip()
