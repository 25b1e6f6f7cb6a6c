"""Who is champion of a model, and what ends when another becomes it: asked and written within a transaction."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from infra.ledger_rows import ChampionRow, ExperimentRow, InfluenceRow

# what else is written in the transaction of a change, and what the audit trail is to say of it: its evidence
Beside: TypeAlias = Callable[[Session], Mapping[str, Any]]


def nothing(_: Session) -> Mapping[str, Any]:
    """Nothing else is written."""
    return {}


def champion_of(session: Session, model: str) -> str | None:
    """The champion's tag; None before there is one."""
    newest = select(ChampionRow.tag).where(ChampionRow.model == model).order_by(ChampionRow.id.desc()).limit(1)
    return session.scalars(newest).first()


def crown(session: Session, model: str, tag: str, reason: str, now: datetime) -> ChampionRow:
    """Make a version champion; an experiment against the one before is about nothing any more, and ends."""
    experiment = running_experiment(session, model)
    if experiment is not None:
        end_experiment(experiment, f"{tag} became champion: {reason}", now)
    row = ChampionRow(model=model, tag=tag, since=now, reason=reason)
    session.add(row)
    session.flush()
    return row


def running_experiment(session: Session, model: str) -> ExperimentRow | None:
    query = select(ExperimentRow).where(ExperimentRow.model == model, ExperimentRow.ended_at.is_(None))
    return session.scalars(query).first()


def end_experiment(experiment: ExperimentRow, reason: str, now: datetime) -> None:
    experiment.ended_at, experiment.end_reason = now, reason


def erased_teachers(session: Session, tag: str) -> set[str]:
    """Tombstones of the people whom a version learned from and who have been erased since."""
    return set(session.scalars(select(InfluenceRow.tombstone).where(InfluenceRow.tag == tag)))
