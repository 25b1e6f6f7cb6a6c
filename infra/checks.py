"""Checks: what was found each time a version in use was looked at, and what that led to.

Rows of the ledger, in a table of their own. A check is made at an instant: made again at the same one, it takes the
place of the first, so that a watch that was cut short can be repeated.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from infra.ledger import Ledger
from infra.ledger_rows import Base


class CheckRow(Base):
    """One look at one judgement of one version."""

    __tablename__ = "checks"
    version: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    checked_at: Mapped[datetime] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(index=True)
    cycle_id: Mapped[str]
    evidence_until: Mapped[datetime]
    value: Mapped[float]
    threshold: Mapped[float]
    clear: Mapped[float]
    passed: Mapped[bool]
    reason: Mapped[str]
    report: Mapped[str | None]
    why_not: Mapped[str | None]
    is_on: Mapped[bool]
    asks: Mapped[bool]
    decision: Mapped[str]


@dataclass(frozen=True, kw_only=True)
class StoredCheck:
    """As a row: ``kind`` is what was judged (data, prediction, performance, migration).

    ``why_not``: why it does not count for the trigger; ``is_on`` and ``asks``: what the trigger decided, ``decision``
    why.
    """

    version: str
    kind: str
    checked_at: datetime
    model: str
    cycle_id: str
    evidence_until: datetime
    value: float
    threshold: float
    clear: float
    passed: bool
    reason: str
    report: str | None = None
    why_not: str | None = None
    is_on: bool = False
    asks: bool = False
    decision: str = ""


_COLUMNS = [field.name for field in fields(StoredCheck)]


class Checks:
    """The checks of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        Base.metadata.create_all(ledger.engine, tables=[CheckRow.__table__])  # type: ignore[list-item]

    def store(self, checks: Iterable[StoredCheck]) -> None:
        """All in one transaction."""
        with self._ledger.transaction() as session:
            self.put(session, checks)

    @staticmethod
    def put(session: Session, checks: Iterable[StoredCheck]) -> None:
        """The same within a transaction that writes other things too."""
        for check in checks:
            session.merge(CheckRow(**asdict(check)))

    def history(self, version: str, kind: str, before: datetime, most: int = 400) -> list[StoredCheck]:
        """Earlier checks of one judgement of a version, oldest first; of very many the last."""
        query = (
            select(CheckRow)
            .where(CheckRow.version == version, CheckRow.kind == kind, CheckRow.checked_at < before)
            .order_by(CheckRow.checked_at.desc())
            .limit(most)
        )
        return self._read(query)[::-1]

    def last_asked_at(self, model: str, before: datetime) -> datetime | None:
        """When a check of a model last asked for retraining."""
        with Session(self._ledger.engine) as session:
            query = select(func.max(CheckRow.checked_at)).where(
                CheckRow.model == model, CheckRow.asks, CheckRow.checked_at < before
            )
            return session.scalars(query).one()

    def of_cycle(self, cycle_id: str) -> list[StoredCheck]:
        """Everything that was looked at in a cycle, in order of time."""
        query = select(CheckRow).where(CheckRow.cycle_id == cycle_id)
        return self._read(query.order_by(CheckRow.checked_at, CheckRow.version, CheckRow.kind))

    def all(self) -> list[StoredCheck]:
        """In order of time."""
        return self._read(select(CheckRow).order_by(CheckRow.checked_at, CheckRow.version, CheckRow.kind))

    def _read(self, query: object) -> list[StoredCheck]:
        with Session(self._ledger.engine) as session:
            return [
                StoredCheck(**{name: getattr(row, name) for name in _COLUMNS})
                for row in session.scalars(query)  # type: ignore[call-overload]
            ]
