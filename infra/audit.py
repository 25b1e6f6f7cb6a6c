"""The audit trail: who did what to people's data, in which role and when. Rows are added, never changed.

Each row carries the SHA-256 of its content and of the row before it, so that a changed, missing or inserted
row shows. (Whoever may write the file could make the whole chain anew: note its last hash elsewhere.)
Details hold counts, hashes and conditions; never a customer's id or contact details.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import DDL, String, event, select, type_coerce
from sqlalchemy.orm import Mapped, Session, mapped_column

from infra.errors import AimloopError
from infra.ledger import Ledger
from infra.ledger_rows import Base

BEGINNING = "0" * 64
_HASH = re.compile("[0-9a-f]{64}")


class AuditRow(Base):
    """One entry of the trail."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    recorded_at: Mapped[datetime]
    user: Mapped[str]
    role: Mapped[str]
    action: Mapped[str]
    details: Mapped[dict[str, Any]]
    previous: Mapped[str] = mapped_column(unique=True)
    digest: Mapped[str]


for _verb in ("UPDATE", "DELETE"):
    _refusal = DDL(
        f"CREATE TRIGGER audit_refuses_{_verb.lower()} BEFORE {_verb} ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END"
    )
    event.listen(AuditRow.__table__, "after_create", _refusal.execute_if(dialect="sqlite"))


@dataclass(frozen=True)
class Entry:
    """What the trail says happened; of a row that cannot be read any more, neither when nor details are known."""

    position: int
    recorded_at: datetime | None
    user: str
    role: str
    action: str
    details: dict[str, Any]
    digest: str
    is_intact: bool


@dataclass(frozen=True)
class Finding:
    """What came of verifying a trail; ``since_expected`` counts the entries after the hash that was noted earlier."""

    entries: int
    last_hash: str
    first_changed: Entry | None
    is_expected_there: bool
    since_expected: int | None

    @property
    def is_intact(self) -> bool:
        return self.first_changed is None and self.is_expected_there


class Audit:
    """The trail of one ledger, written by one user in one role."""

    def __init__(self, ledger: Ledger, user: str, role: str) -> None:
        self._ledger = ledger
        self._user, self._role = user, role
        AuditRow.metadata.create_all(ledger.engine, tables=[AuditRow.metadata.tables["audit"]])

    def record(self, action: str, details: Mapping[str, Any], now: datetime) -> str:
        """Add an entry (``now`` is naive UTC); returns its hash."""
        with self._ledger.transaction() as session:
            return self.add(session, action, details, now)

    def add(self, session: Session, action: str, details: Mapping[str, Any], now: datetime) -> str:
        """Add an entry within a `Ledger.transaction`, so that it is there if and only if what it tells of is."""
        last = session.scalars(select(AuditRow).order_by(AuditRow.id.desc()).limit(1)).first()
        position, previous = (last.id + 1, last.digest) if last else (1, BEGINNING)
        plain = json.loads(json.dumps(dict(details)))
        digest = _digest(position, now, self._user, self._role, action, plain, previous)
        row = AuditRow(
            id=position,
            recorded_at=now,
            user=self._user,
            role=self._role,
            action=action,
            details=plain,
            previous=previous,
            digest=digest,
        )
        session.add(row)
        session.flush()
        return digest

    def entries(self) -> list[Entry]:
        """Every entry, oldest first, and whether it is what was written, where it was written."""
        entries: list[Entry] = []
        # as they lie in the file: what somebody wrote there by hand need not be a time or JSON
        when, said = type_coerce(AuditRow.recorded_at, String), type_coerce(AuditRow.details, String)
        row = AuditRow
        query = select(row.id, when, row.user, row.role, row.action, said, row.previous, row.digest).order_by(row.id)
        with Session(self._ledger.engine) as session:
            for columns in session.execute(query):
                before = entries[-1].digest if entries else BEGINNING
                entries.append(_entry(*columns, place=len(entries) + 1, before=before))
        return entries


def verified(entries: Sequence[Entry], expected: str | None = None) -> Finding:
    """Does each entry fit the one before, and is the hash that was noted earlier (``expected``) still among them?

    Where it is not, the trail was cut short or made anew, which the chain alone does not tell.

    Raises:
        AimloopError: ``expected`` is no hash.
    """
    if expected is not None and not _HASH.fullmatch(expected):
        raise AimloopError(f"'{expected}' is no hash of an entry", "it has 64 of the digits 0-9 and a-f")
    hashes = [BEGINNING, *(entry.digest for entry in entries)]
    is_there = expected is None or expected in hashes
    return Finding(
        entries=len(entries),
        last_hash=hashes[-1],
        first_changed=next((entry for entry in entries if not entry.is_intact), None),
        is_expected_there=is_there,
        since_expected=len(hashes) - 1 - hashes.index(expected) if expected is not None and is_there else None,
    )


def _entry(
    position: int,
    recorded_at: str,
    user: str,
    role: str,
    action: str,
    details: str,
    previous: str,
    digest: str,
    *,
    place: int,
    before: str,
) -> Entry:
    """A row as it lies in the file; ``place`` counts from 1, ``before`` is the hash of the row before."""
    try:
        when, said = datetime.fromisoformat(recorded_at), dict(json.loads(details))
        right = _digest(position, when, user, role, action, said, previous)
    except (ValueError, TypeError):
        return Entry(position, None, user, role, action, {}, digest, is_intact=False)
    is_intact = position == place and previous == before and digest == right
    return Entry(position, when, user, role, action, said, digest, is_intact)


def _digest(
    position: int,
    recorded_at: datetime,
    user: str,
    role: str,
    action: str,
    details: Mapping[str, Any],
    previous: str,
) -> str:
    """SHA-256 over the entry before and everything that this one says."""
    said = [position, recorded_at.isoformat(), user, role, action, details, previous]
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
