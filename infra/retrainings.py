"""Requests to retrain: rows of the ledger, so that of several for one model only the first is carried out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from infra.ledger import Ledger
from infra.ledger_rows import Base


class RetrainingRow(Base):
    """One request; open until it has ended."""

    __tablename__ = "retrainings"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    model: Mapped[str]
    reason: Mapped[str]
    evidence: Mapped[dict[str, Any]]
    asked_at: Mapped[datetime]
    begun_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    cycle_id: Mapped[str | None]


@dataclass(frozen=True)
class Retraining:
    """A request and what came of it; naive UTC."""

    id: int
    model: str
    reason: str
    evidence: Mapping[str, Any]
    asked_at: datetime
    begun_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    cycle_id: str | None


class Retrainings:
    """The requests of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        Base.metadata.create_all(ledger.engine, tables=[Base.metadata.tables[RetrainingRow.__tablename__]])

    def ask(self, model: str, reason: str, evidence: Mapping[str, Any], now: datetime) -> tuple[Retraining, bool]:
        """Write a request down, unless one of the model is open: then that one, and False."""
        with self._ledger.transaction() as session:
            return self.put(session, model, reason, evidence, now)

    @staticmethod
    def put(
        session: Session, model: str, reason: str, evidence: Mapping[str, Any], now: datetime
    ) -> tuple[Retraining, bool]:
        """The same within a transaction that writes other things too."""
        query = select(RetrainingRow).where(RetrainingRow.model == model, RetrainingRow.ended_at.is_(None))
        known = session.scalars(query.order_by(RetrainingRow.id)).first()
        row = known or RetrainingRow(model=model, reason=reason, evidence=dict(evidence), asked_at=now)
        session.add(row)
        session.flush()
        return _retraining(row), known is None

    def begin(self, now: datetime) -> list[Retraining]:
        """Take up all open requests, those of a run that was cut short among them."""
        with self._ledger.transaction() as session:
            rows = _open(session)
            for row in rows:
                row.begun_at = now
            return [_retraining(row) for row in rows]

    def end(self, outcome: str, cycle_id: str | None, now: datetime) -> list[Retraining]:
        """Close all open requests, those that were asked meanwhile too: they are folded into what was done."""
        with self._ledger.transaction() as session:
            rows = _open(session)
            for row in rows:
                row.begun_at, row.ended_at = row.begun_at or now, now
                row.outcome, row.cycle_id = outcome, cycle_id
            return [_retraining(row) for row in rows]

    def open(self) -> list[Retraining]:
        """The oldest first."""
        with Session(self._ledger.engine) as session:
            return [_retraining(row) for row in _open(session)]

    def all(self) -> list[Retraining]:
        """The oldest first."""
        with Session(self._ledger.engine) as session:
            return [_retraining(row) for row in session.scalars(select(RetrainingRow).order_by(RetrainingRow.id))]


def _open(session: Session) -> Sequence[RetrainingRow]:
    return session.scalars(
        select(RetrainingRow).where(RetrainingRow.ended_at.is_(None)).order_by(RetrainingRow.id)
    ).all()


def _retraining(row: RetrainingRow) -> Retraining:
    return Retraining(
        row.id,
        row.model,
        row.reason,
        row.evidence,
        row.asked_at,
        row.begun_at,
        row.ended_at,
        row.outcome,
        row.cycle_id,
    )
