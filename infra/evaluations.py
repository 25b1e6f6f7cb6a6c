"""What was found at each look at an experiment or at a new champion, and at each candidate: rows of the ledger.

Each is written in the transaction of what was done about it, so that none is without the other.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from infra.ledger import Ledger
from infra.ledger_rows import Base


class EvaluationRow(Base):
    """One look at an experiment; the last one says what ended it, if a look did."""

    __tablename__ = "evaluations"
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    action: Mapped[str]
    share: Mapped[float | None]
    reason: Mapped[str]
    estimates: Mapped[dict[str, Any]]
    verdicts: Mapped[list[Any]] = mapped_column(JSON)
    notes: Mapped[list[Any]] = mapped_column(JSON)


class ProbationRow(Base):
    """One look at a champion that was promoted lately."""

    __tablename__ = "probations"
    tag: Mapped[str] = mapped_column(ForeignKey("versions.tag"), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    passed: Mapped[bool]
    reason: Mapped[str]
    verdicts: Mapped[list[Any]] = mapped_column(JSON)


class ChallengeRow(Base):
    """What became of a candidate once its gate had judged it."""

    __tablename__ = "challenges"
    tag: Mapped[str] = mapped_column(ForeignKey("versions.tag"), primary_key=True)
    model: Mapped[str]
    at: Mapped[datetime]
    decision: Mapped[str]
    reason: Mapped[str]
    experiment_id: Mapped[int | None]


@dataclass(frozen=True)
class Evaluation:
    """One look: what was done (stay, raise, promote, end), why, and on which evidence, as JSON values."""

    experiment_id: int
    at: datetime
    action: str
    share: float | None
    reason: str
    estimates: Mapping[str, Any]
    verdicts: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Probation:
    """One look at a new champion: whether all guardrails held, and each verdict as JSON values."""

    tag: str
    at: datetime
    passed: bool
    reason: str
    verdicts: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Challenge:
    """What became of a candidate: experiment, promoted, rejected, waits or left alone; and why."""

    tag: str
    model: str
    at: datetime
    decision: str
    reason: str
    experiment_id: int | None = None


class Evaluations:
    """The looks of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        tables = [Base.metadata.tables[row.__tablename__] for row in (EvaluationRow, ProbationRow, ChallengeRow)]
        Base.metadata.create_all(ledger.engine, tables=tables)

    def add(self, session: Session, look: Evaluation | Probation | Challenge) -> None:
        """Write one down within a transaction. Of the same instant the first counts; one that waited gets its turn."""
        row: Base
        key: tuple[Any, ...]
        if isinstance(look, Evaluation):
            row, key = EvaluationRow(**_plain(look)), (look.experiment_id, look.at)
        elif isinstance(look, Probation):
            row, key = ProbationRow(**_plain(look)), (look.tag, look.at)
        else:
            row, key = ChallengeRow(**_plain(look)), (look.tag,)
        known = session.get(type(row), key)
        if isinstance(known, ChallengeRow) and known.decision == "waits":
            session.merge(row)
        elif known is None:
            session.add(row)
        session.flush()

    def write(self, look: Evaluation | Probation | Challenge) -> None:
        """The same in a transaction of its own, where nothing else is to be done."""
        with self._ledger.transaction() as session:
            self.add(session, look)

    def of(self, experiment_id: int) -> list[Evaluation]:
        """Every look at an experiment, the first one first."""
        query = select(EvaluationRow).where(EvaluationRow.experiment_id == experiment_id).order_by(EvaluationRow.at)
        with Session(self._ledger.engine) as session:
            return [_evaluation(row) for row in session.scalars(query)]

    def last(self) -> dict[int, Evaluation]:
        """The last look at each experiment that was looked at."""
        with Session(self._ledger.engine) as session:
            rows = session.scalars(select(EvaluationRow).order_by(EvaluationRow.at))
            return {row.experiment_id: _evaluation(row) for row in rows}

    def challenge(self, tag: str) -> Challenge | None:
        """What became of a candidate; None where nobody has asked yet."""
        with Session(self._ledger.engine) as session:
            row = session.get(ChallengeRow, tag)
            if row is None:
                return None
            return Challenge(row.tag, row.model, row.at, row.decision, row.reason, row.experiment_id)

    def probations(self, tag: str) -> list[Probation]:
        """Every look at a champion on probation, the first one first."""
        query = select(ProbationRow).where(ProbationRow.tag == tag).order_by(ProbationRow.at)
        with Session(self._ledger.engine) as session:
            return [
                Probation(row.tag, row.at, row.passed, row.reason, tuple(row.verdicts))
                for row in session.scalars(query)
            ]


def _evaluation(row: EvaluationRow) -> Evaluation:
    return Evaluation(
        experiment_id=row.experiment_id,
        at=row.at,
        action=row.action,
        share=row.share,
        reason=row.reason,
        estimates=row.estimates,
        verdicts=tuple(row.verdicts),
        notes=tuple(row.notes),
    )


def _plain(look: Any) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(look).items()}
