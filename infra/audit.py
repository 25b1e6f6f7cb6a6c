"""The audit trail: who did what to people's data, in which role and when. Rows are added, never changed.

Each row carries the SHA-256 of its content and of the row before it, so that a changed, missing or inserted
row shows. (Whoever may write the file could make the whole chain anew: note its last hash elsewhere.)
Details hold counts, hashes and conditions; never a customer's id or contact details.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import DDL, event, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from infra.errors import AimloopError
from infra.ledger import Ledger
from infra.ledger_rows import Base

BEGINNING = "0" * 64
_ATTEMPTS = 20


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

    def content_digest(self) -> str:
        """SHA-256 over the row before and everything this one says."""
        said = [self.id, self.recorded_at.isoformat(), self.user, self.role, self.action, self.details, self.previous]
        return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


for _verb in ("UPDATE", "DELETE"):
    _refusal = DDL(
        f"CREATE TRIGGER audit_refuses_{_verb.lower()} BEFORE {_verb} ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END"
    )
    event.listen(AuditRow.__table__, "after_create", _refusal.execute_if(dialect="sqlite"))


@dataclass(frozen=True)
class Entry:
    """What the trail says happened."""

    position: int
    recorded_at: datetime
    user: str
    role: str
    action: str
    details: dict[str, Any]
    digest: str
    is_intact: bool


class Audit:
    """The trail of one ledger, written by one user in one role."""

    def __init__(self, ledger: Ledger, user: str, role: str) -> None:
        self._engine = ledger.engine
        self._user, self._role = user, role
        AuditRow.metadata.create_all(self._engine, tables=[AuditRow.metadata.tables["audit"]])

    def record(self, action: str, details: Mapping[str, Any], now: datetime) -> str:
        """Add an entry (``now`` is naive UTC); returns its hash."""
        for _ in range(_ATTEMPTS):
            with Session(self._engine) as session:
                last = session.scalars(select(AuditRow).order_by(AuditRow.id.desc()).limit(1)).first()
                row = AuditRow(
                    id=last.id + 1 if last else 1,
                    recorded_at=now,
                    user=self._user,
                    role=self._role,
                    action=action,
                    details=json.loads(json.dumps(dict(details))),
                    previous=last.digest if last else BEGINNING,
                )
                row.digest = row.content_digest()
                session.add(row)
                try:
                    session.commit()
                except IntegrityError:
                    continue  # another process was faster: add after its entry
                return row.digest
        raise AimloopError("the audit trail is being written by too many at once", "try again")

    def entries(self) -> list[Entry]:
        """Every entry, oldest first, and whether it is what was written, where it was written."""
        entries: list[Entry] = []
        with Session(self._engine) as session:
            for row in session.scalars(select(AuditRow).order_by(AuditRow.id)):
                before = entries[-1].digest if entries else BEGINNING
                is_intact = row.id == len(entries) + 1 and row.previous == before and row.digest == row.content_digest()
                entries.append(
                    Entry(row.id, row.recorded_at, row.user, row.role, row.action, row.details, row.digest, is_intact)
                )
        return entries
