"""Keys that applications show to the services: whose they are, what they may ask for, and how often.

A key is ``aim_<id>_<secret>``: the id is found in lists and logs, of the secret only the SHA-256 is kept. It is 256
random bits, which nobody can try out, so it needs no slow hash (NIST SP 800-63B, 5.1.1.2, asks for one where people
choose).
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from infra.errors import AimloopError
from infra.ledger import Ledger
from infra.ledger_rows import Base

Role = Literal["score", "read", "report", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
MEANINGS: Mapping[Role, str] = {
    "score": "ask models about customers",
    "read": "read profiles, plans and figures",
    "report": "report outcomes",
    "admin": "everything",
}
LONGEST_NAME = 64
_TOKEN = re.compile(r"aim_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")


class ApiKeyRow(Base):
    """One key; ``roles`` are separated by spaces."""

    __tablename__ = "api_keys"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    roles: Mapped[str]
    requests_per_second: Mapped[float]
    secret_sha256: Mapped[str]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


@dataclass(frozen=True)
class ApiKey:
    """What is known of a key; instants are naive UTC."""

    id: str
    name: str
    roles: frozenset[str]
    requests_per_second: float
    issued_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    secret_sha256: str = field(repr=False)

    def standing(self, now: datetime) -> Literal["valid", "expired", "revoked"]:
        if self.revoked_at is not None:  # whatever the clock says: it may be set back
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "valid"

    def may(self, role: Role) -> bool:
        return role in self.roles or "admin" in self.roles


class ApiKeys:
    """The keys of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._engine = ledger.engine
        ApiKeyRow.metadata.create_all(self._engine, tables=[ApiKeyRow.metadata.tables["api_keys"]])

    def issue(
        self,
        name: str,
        roles: Sequence[str],
        now: datetime,
        expires_at: datetime | None = None,
        requests_per_second: float = 100.0,
    ) -> tuple[ApiKey, str]:
        """A new key, and the text that is shown once and kept nowhere.

        Raises:
            AimloopError: an unknown role, or a valid key of that name already.
        """
        if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or name != name.strip():
            raise AimloopError(
                f"a key's name has 1 to {LONGEST_NAME} characters that can be seen, not {name!r}",
                "call it after who uses it: shop, newsletter",
            )
        unknown = [role for role in roles if role not in ROLES]
        if unknown or not roles:
            raise AimloopError(
                f"there is no role '{unknown[0]}'" if unknown else "a key needs a role",
                "roles are " + ", ".join(f"{role} ({meaning})" for role, meaning in MEANINGS.items()),
            )
        if any(key.name == name and key.standing(now) == "valid" for key in self.all()):
            raise AimloopError(f"there is a valid key called '{name}'", "revoke it first, or take another name")
        id_, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        row = ApiKeyRow(
            id=id_,
            name=name,
            roles=" ".join(sorted(set(roles))),
            requests_per_second=requests_per_second,
            secret_sha256=_sha256(secret),
            issued_at=now,
            expires_at=expires_at,
            revoked_at=None,
        )
        with Session(self._engine) as session, session.begin():
            session.add(row)
        return self.get(id_), f"aim_{id_}_{secret}"

    def revoke(self, id_: str, now: datetime) -> ApiKey:
        """From now on the key is refused; a second time changes nothing.

        Raises:
            AimloopError: there is no such key.
        """
        self.get(id_)
        with Session(self._engine) as session, session.begin():
            row = session.get_one(ApiKeyRow, id_)
            row.revoked_at = row.revoked_at or now
        return self.get(id_)

    def get(self, id_: str) -> ApiKey:
        found = next((key for key in self.all() if key.id == id_), None)
        if found is None:
            raise AimloopError(f"there is no key '{id_}'", "`aimloop keys list` shows them")
        return found

    def all(self) -> list[ApiKey]:
        """Every key, the oldest first, the revoked and the expired too."""
        with Session(self._engine) as session:
            rows = session.scalars(select(ApiKeyRow).order_by(ApiKeyRow.issued_at, ApiKeyRow.id))
            return [
                ApiKey(
                    row.id,
                    row.name,
                    frozenset(row.roles.split()),
                    row.requests_per_second,
                    row.issued_at,
                    row.expires_at,
                    row.revoked_at,
                    row.secret_sha256,
                )
                for row in rows
            ]


def recognised(token: str, keys: Mapping[str, ApiKey]) -> ApiKey | None:
    """The key that a text is, by id; None where it is none. Secrets are compared in constant time."""
    match = _TOKEN.fullmatch(token)
    key = keys.get(match[1]) if match else None
    # the same work for an id that does not exist, so that the time taken does not tell which do
    expected = key.secret_sha256 if key is not None else "0" * 64
    is_right = hmac.compare_digest(_sha256(match[2] if match else ""), expected)
    return key if is_right else None


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
