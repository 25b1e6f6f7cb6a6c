"""The ledger: what happened and what counts. It alone decides which version of a model is champion.

SQLAlchemy over one SQLite file in WAL mode, so that services read while a cycle writes. Every
instant is an argument; nothing here looks at the clock.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, delete, event, select
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import Session

from infra.errors import AimloopError
from infra.ledger_rows import Base, CycleRow, InfluenceRow, PlanRow, StepRow, VerdictRow, VersionRow
from infra.state import disk_trouble
from infra.succession import champion_of, crown, end_experiment, erased_teachers, running_experiment

NEVER = datetime(1, 1, 1)  # when a cycle was asked for that only a watch has begun


@dataclass(frozen=True)
class Version:
    """What the ledger knows of a trained version."""

    tag: str
    model: str
    cycle_id: str
    registered_at: datetime
    report: dict[str, Any]
    comparison: dict[str, Any]
    is_champion: bool


class Ledger:
    """Reads and writes of the ledger; each method is one transaction."""

    def __init__(self, path: Path) -> None:
        self._engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": 30})

        @event.listens_for(self._engine, "connect")
        def _set_up(connection: Any, _: Any) -> None:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA foreign_keys = ON")

        try:
            Base.metadata.create_all(self._engine)
        except DatabaseError as error:
            raise disk_trouble(error, path) or AimloopError(
                f"the ledger {path} cannot be read: {error.orig}", "it seems damaged: put a copy of it back"
            ) from error

    @property
    def engine(self) -> Engine:
        """For tables kept beside these, in files of their own: `infra.audit`."""
        return self._engine

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A transaction beside which nobody else writes: what it has read still holds when it writes.

        Raises:
            AimloopError: others have been writing for as long as one waits for them.
        """
        with Session(self._engine) as session, session.begin():
            try:
                session.connection().exec_driver_sql("BEGIN IMMEDIATE")
            except OperationalError as error:
                if "locked" not in str(error.orig):
                    raise
                raise AimloopError("the ledger is being written by too many at once", "try again") from error
            yield session

    # cycles and steps

    def begin_cycle(
        self, cycle_id: str, as_of: datetime, source: str, now: datetime, *, is_asked_for: bool = True
    ) -> None:
        """Record a cycle; one that is known keeps its first record and becomes the last one asked for.

        One that nobody has asked for, but a watch has begun to know the world of, starts when it is asked for.
        """
        with self.transaction() as session:
            row = session.get(CycleRow, cycle_id)
            if row is None:
                row = CycleRow(
                    id=cycle_id, as_of=as_of, source=source, started_at=now, asked_for_at=NEVER, finished_at=None
                )
                session.add(row)
            if is_asked_for:
                row.started_at = now if row.asked_for_at == NEVER else row.started_at
                row.asked_for_at = now

    def finish_cycle(self, cycle_id: str, now: datetime) -> None:
        with self.transaction() as session:
            row = session.get_one(CycleRow, cycle_id)
            row.finished_at = row.finished_at or now

    def cycle(self, cycle_id: str | None = None) -> CycleRow | None:
        """A cycle by id, or the one asked for last; None where nobody has asked for any."""
        with Session(self._engine, expire_on_commit=False) as session:
            if cycle_id is not None:
                return session.get(CycleRow, cycle_id)
            asked_for = select(CycleRow).where(CycleRow.asked_for_at > NEVER)
            return session.scalars(asked_for.order_by(CycleRow.asked_for_at.desc()).limit(1)).first()

    def finish_step(self, cycle_id: str, name: str, seconds: float, result: dict[str, Any]) -> None:
        """Record a step once; its first record stays."""
        with self.transaction() as session:
            if session.get(StepRow, (cycle_id, name)) is None:
                position = len(session.scalars(select(StepRow).where(StepRow.cycle_id == cycle_id)).all())
                session.add(StepRow(cycle_id=cycle_id, name=name, position=position, seconds=seconds, result=result))

    def forget_steps(self, cycle_id: str, first: str) -> None:
        """Forget a step and all that followed it: what they made is gone and must be made again."""
        with self.transaction() as session:
            row = session.get(StepRow, (cycle_id, first))
            if row is not None:
                later = StepRow.cycle_id == cycle_id, StepRow.position >= row.position
                session.execute(delete(StepRow).where(*later))

    def steps(self, cycle_id: str) -> dict[str, StepRow]:
        """Finished steps by name, in the order in which they ended."""
        with Session(self._engine, expire_on_commit=False) as session:
            rows = session.scalars(select(StepRow).where(StepRow.cycle_id == cycle_id).order_by(StepRow.position))
            return {row.name: row for row in rows}

    def earlier_results(self, cycle_id: str, step: str) -> list[dict[str, Any]]:
        """What a step came to in other cycles of the same source that knew no more of the world, the latest first."""
        with Session(self._engine) as session:
            this = session.get_one(CycleRow, cycle_id)
            query = (
                select(StepRow.result)
                .join(CycleRow)
                .where(StepRow.name == step, CycleRow.id != cycle_id)
                .where(CycleRow.source == this.source, CycleRow.as_of <= this.as_of)
                .order_by(CycleRow.as_of.desc(), CycleRow.started_at.desc())
            )
            return list(session.scalars(query))

    # versions and champions

    def register(
        self,
        tag: str,
        model: str,
        cycle_id: str,
        report: dict[str, Any],
        comparison: dict[str, Any],
        now: datetime,
        unusable: str | None = None,
    ) -> bool:
        """Record a version; True when it is champion.

        The first of its model is, and so is one that takes the place of a champion that cannot be used (``unusable``
        says why) or learned from someone who has been erased since, unless that one knows more of the world.
        """
        with self.transaction() as session:
            if session.get(VersionRow, tag) is None:
                session.add(
                    VersionRow(
                        tag=tag,
                        model=model,
                        cycle_id=cycle_id,
                        registered_at=now,
                        report=report,
                        comparison=comparison,
                    )
                )
                session.flush()
            experiment = running_experiment(session, model)
            if experiment is not None and erased_teachers(session, experiment.challenger):
                end_experiment(experiment, "its challenger learned from someone who has been erased", now)
            champion = champion_of(session, model)
            if champion == tag:
                return True
            reason = "first version" if champion is None else self._reason_to_go(session, champion, tag, unusable)
            if reason is not None:
                crown(session, model, tag, reason, now)
            return reason is not None

    def _reason_to_go(self, session: Session, champion: str, tag: str, unusable: str | None) -> str | None:
        """Why a champion gives way to the version ``tag``; None where it stays."""
        if not self._knows(session, tag, champion):
            return None
        if unusable is not None:
            return f"the champion {champion} could not be used: {unusable}"
        if erased_teachers(session, champion) and not erased_teachers(session, tag):
            return "the one before learned from someone who has been erased"
        return None

    @staticmethod
    def _knows(session: Session, tag: str, other: str) -> bool:
        """Does a version know as much of the world as another?"""
        one, two = (session.get_one(VersionRow, name).report.get("as_of", "") for name in (tag, other))
        return bool(one >= two)

    def champion(self, model: str) -> str | None:
        """The champion's tag; None before there is one."""
        with Session(self._engine) as session:
            return champion_of(session, model)

    def versions(self, cycle_id: str | None = None) -> list[Version]:
        """Versions, oldest first; of one cycle or of all."""
        with Session(self._engine) as session:
            query = select(VersionRow).order_by(VersionRow.registered_at, VersionRow.tag)
            if cycle_id is not None:
                query = query.where(VersionRow.cycle_id == cycle_id)
            return [
                Version(
                    tag=row.tag,
                    model=row.model,
                    cycle_id=row.cycle_id,
                    registered_at=row.registered_at,
                    report=row.report,
                    comparison=row.comparison,
                    is_champion=champion_of(session, row.model) == row.tag,
                )
                for row in session.scalars(query)
            ]

    def mark_influenced(self, tags: Iterable[str], tombstone: str, now: datetime) -> None:
        """Note that versions learned from someone who is being erased; what is noted already stays."""
        with self.transaction() as session:
            for tag in tags:
                if session.get(InfluenceRow, (tag, tombstone)) is None:
                    session.add(InfluenceRow(tag=tag, tombstone=tombstone, erased_at=now))

    def influences(self) -> dict[str, list[str]]:
        """Tag → tombstones of erased people it learned from; versions without any are left out."""
        with Session(self._engine) as session:
            found: dict[str, list[str]] = {}
            for row in session.scalars(select(InfluenceRow).order_by(InfluenceRow.tag, InfluenceRow.tombstone)):
                found.setdefault(row.tag, []).append(row.tombstone)
            return found

    # plans and verdicts

    def store_plan(self, cycle_id: str, plan: dict[str, Any], inputs: dict[str, Any]) -> None:
        with self.transaction() as session:
            session.merge(PlanRow(cycle_id=cycle_id, plan=plan, inputs=inputs))

    def plan(self, cycle_id: str) -> PlanRow | None:
        with Session(self._engine, expire_on_commit=False) as session:
            return session.get(PlanRow, cycle_id)

    def earlier_plans(self, cycle_id: str) -> list[tuple[CycleRow, PlanRow]]:
        """Plans of cycles of the same source that knew less of the world, the latest first; one for each ``as_of``."""
        with Session(self._engine, expire_on_commit=False) as session:
            this = session.get_one(CycleRow, cycle_id)
            query = (
                select(CycleRow, PlanRow)
                .join(PlanRow, PlanRow.cycle_id == CycleRow.id)
                .where(CycleRow.source == this.source, CycleRow.as_of < this.as_of)
                .order_by(CycleRow.as_of.desc(), CycleRow.started_at.desc())
            )
            found: dict[datetime, tuple[CycleRow, PlanRow]] = {}
            for cycle, plan in session.execute(query):
                found.setdefault(cycle.as_of, (cycle, plan))
            return list(found.values())

    def store_verdict(self, cycle_id: str, verdict: dict[str, Any], report: str | None) -> None:
        """``verdict``: name, passed, value, threshold and reason of a judgement."""
        with self.transaction() as session:
            session.merge(VerdictRow(cycle_id=cycle_id, report=report, **verdict))

    def verdicts(self, cycle_id: str) -> list[VerdictRow]:
        with Session(self._engine, expire_on_commit=False) as session:
            query = select(VerdictRow).where(VerdictRow.cycle_id == cycle_id).order_by(VerdictRow.name)
            return list(session.scalars(query))
