"""What the ledger writes down, a class a table."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: JSON}  # noqa: RUF012  (SQLAlchemy reads it from the class)


class CycleRow(Base):
    """One cycle: the world as known at ``as_of``, with these data and settings."""

    __tablename__ = "cycles"
    id: Mapped[str] = mapped_column(primary_key=True)
    as_of: Mapped[datetime]
    source: Mapped[str]
    started_at: Mapped[datetime]
    asked_for_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class StepRow(Base):
    """A finished step of a cycle, with its result; a step that was cut short has no row."""

    __tablename__ = "steps"
    cycle_id: Mapped[str] = mapped_column(ForeignKey("cycles.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    seconds: Mapped[float]
    result: Mapped[dict[str, Any]]


class VersionRow(Base):
    """A trained version: its metrics on the reported window, and how it compared with the champion then."""

    __tablename__ = "versions"
    tag: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(index=True)
    cycle_id: Mapped[str] = mapped_column(ForeignKey("cycles.id"))
    registered_at: Mapped[datetime]
    report: Mapped[dict[str, Any]]
    comparison: Mapped[dict[str, Any]]


class ChampionRow(Base):
    """Who became champion of which model, when and why; the newest row of a model counts."""

    __tablename__ = "champions"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    model: Mapped[str] = mapped_column(index=True)
    tag: Mapped[str] = mapped_column(ForeignKey("versions.tag"))
    since: Mapped[datetime]
    reason: Mapped[str]


class RollbackRow(Base):
    """A champion that took its place by a rollback, and the version that was rolled back from."""

    __tablename__ = "rollbacks"
    champion_id: Mapped[int] = mapped_column(ForeignKey("champions.id"), primary_key=True)
    left: Mapped[str] = mapped_column(ForeignKey("versions.tag"))


class ExperimentRow(Base):
    """A challenger beside the champion; of a model one at a time runs."""

    __tablename__ = "experiments"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    model: Mapped[str]
    champion: Mapped[str] = mapped_column(ForeignKey("versions.tag"))
    challenger: Mapped[str] = mapped_column(ForeignKey("versions.tag"))
    salt: Mapped[str]
    share: Mapped[float]
    is_shadow: Mapped[bool]
    started_at: Mapped[datetime]
    reason: Mapped[str]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    __table_args__ = (
        Index("one_running_experiment_a_model", "model", unique=True, sqlite_where=text("ended_at IS NULL")),
    )


class ExperimentStepRow(Base):
    """A share that a challenger had, from an instant on; the first is that of the start, 0 of one in the shadow."""

    __tablename__ = "experiment_steps"
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    share: Mapped[float]
    since: Mapped[datetime]


class PlanRow(Base):
    """The budget plan of a cycle, beside what it was made from."""

    __tablename__ = "plans"
    cycle_id: Mapped[str] = mapped_column(ForeignKey("cycles.id"), primary_key=True)
    plan: Mapped[dict[str, Any]]
    inputs: Mapped[dict[str, Any]]


class VerdictRow(Base):
    """A judgement made in a cycle."""

    __tablename__ = "verdicts"
    cycle_id: Mapped[str] = mapped_column(ForeignKey("cycles.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    passed: Mapped[bool]
    value: Mapped[float]
    threshold: Mapped[float]
    reason: Mapped[str]
    report: Mapped[str | None]


class InfluenceRow(Base):
    """A version that learned from someone who has been erased since; the person is a tombstone."""

    __tablename__ = "influences"
    tag: Mapped[str] = mapped_column(ForeignKey("versions.tag"), primary_key=True)
    tombstone: Mapped[str] = mapped_column(primary_key=True)
    erased_at: Mapped[datetime]
