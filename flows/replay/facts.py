"""What the ledger of a replay says, as its report tells it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from flows.context import Door
from flows.replay.pieces import Pieces
from flows.replay.plan import Plan
from infra.checks import Checks
from infra.evaluations import Evaluations
from infra.experiments import Experiments
from infra.ledger_rows import ChampionRow
from models import catalog
from models.replay.content import Check, Look, Reaction, Reign, Trained, Trial, Turn
from monitoring.quality import KINDS, kind


@dataclass(frozen=True)
class Facts:
    """Read when asked for."""

    plan: Plan
    door: Door = field(repr=False)
    pieces: Pieces = field(repr=False)

    @cached_property
    def blocks(self) -> list[dict[str, Any]]:
        """What was noted of each block that is done."""
        found = (self.pieces.noted(self.pieces.facts(block.number)) for block in self.plan.blocks())
        return [noted for noted in found if noted is not None]

    def turns(self) -> list[Turn]:
        return [self._turn(number, noted) for number, noted in enumerate(self.blocks)]

    def _turn(self, number: int, noted: dict[str, Any]) -> Turn:
        steps = self.door.ledger.steps(noted["cycle"])
        models = steps["train"].result["models"]
        decided = {found["model"]: found for found in steps["challenge"].result.get("decisions", [])}
        failed = [v for v in self.door.ledger.verdicts(noted["cycle"]) if not v.passed and kind(v.name) in KINDS]
        return Turn(
            number=number,
            as_of=pd.Timestamp(noted["as_of"]),
            cycle=noted["cycle"],
            line=noted["line"],
            placements=noted["rows"],
            visits=noted["visits"],
            rows=sum(outcome.get("notes", {}).get("rows", 0) for outcome in models.values()),
            largest_gap=noted.get("largest_gap"),
            seconds=noted["seconds"] | {name: step.seconds for name, step in steps.items()},
            quality=[f"{verdict.name}: {verdict.reason}" for verdict in failed],
            trained=[_trained(name, outcome, decided.get(name)) for name, outcome in models.items()],
        )

    def reigns(self) -> list[Reign]:
        """By model, in order of time; the last one of each lasts until the end."""
        with Session(self.door.ledger.engine) as session:
            rows = list(session.scalars(select(ChampionRow).order_by(ChampionRow.id)))
        found = []
        for model in catalog.MODELS:
            own = [row for row in rows if row.model == model]
            ends = [*(pd.Timestamp(row.since) for row in own[1:]), self.plan.last]
            found += [
                Reign(model, row.tag, pd.Timestamp(row.since), until, row.reason)
                for row, until in zip(own, ends, strict=False)  # of a model without a champion there is none
            ]
        return found

    def trials(self) -> list[Trial]:
        evaluations, found = Evaluations(self.door.ledger), []
        for experiment in Experiments(self.door.ledger).all():
            looks = evaluations.of(experiment.id)
            metric = next((name for look in reversed(looks) for name in look.estimates), "")
            found.append(
                Trial(
                    id=experiment.id,
                    model=experiment.model,
                    champion=experiment.champion,
                    challenger=experiment.challenger,
                    started_at=pd.Timestamp(experiment.started_at),
                    ended_at=pd.Timestamp(experiment.ended_at) if experiment.ended_at else None,
                    end=experiment.end_reason or (looks[-1].reason if looks else "not looked at yet"),
                    steps=[(step.share, pd.Timestamp(step.since)) for step in experiment.steps],
                    metric=metric,
                    looks=[_look(look, metric) for look in looks],
                )
            )
        return found

    def checks(self) -> list[Check]:
        """Whatever was judged of a version in use, in order of time."""
        return [
            Check(
                model=check.model,
                kind=check.kind,
                at=pd.Timestamp(check.checked_at),
                passed=check.passed,
                value=check.value,
                threshold=check.threshold,
                reason=check.reason,
                decision=check.why_not or check.decision,
                is_on=check.is_on,
                asks=check.asks,
            )
            for check in Checks(self.door.ledger).all()
        ]

    def reactions(self) -> list[Reaction]:
        """Of each planted change, when it was first checked, found, asked about, retrained for and promoted."""
        return [Reaction(change.kind, change.at, self._steps(change.at)) for change in self.plan.injections]

    def _steps(self, at: pd.Timestamp) -> dict[str, tuple[pd.Timestamp, str] | None]:
        checks = [check for check in self.checks() if check.at > at]
        turns = [turn for turn in self.turns() if turn.as_of > at]
        trained = [(turn.as_of, found.tag) for turn in turns for found in turn.trained if found.tag]
        crowned = [
            (reign.since, f"{reign.tag}: {reign.reason}")
            for reign in self.reigns()
            if reign.since > at and reign.tag in {tag for _, tag in trained} and reign.reason != "first version"
        ]
        return {
            "first check after it": _first((c.at, f"{c.model} {c.kind}") for c in checks),
            "data quality fails": _first((t.as_of, line) for t in turns for line in t.quality),
            "a check fails": _first((c.at, f"{c.model} {c.kind}: {c.reason}") for c in checks if not c.passed),
            "the trigger is on": _first((c.at, f"{c.model} {c.kind}: {c.decision}") for c in checks if c.is_on),
            "retraining is asked for": _first((c.at, f"{c.model} {c.kind}: {c.decision}") for c in checks if c.asks),
            "versions have learned from it": _first((since, str(tag)) for since, tag in trained),
            "such a version took a champion's place": _first(crowned),
        }


def _first(found: Iterable[tuple[pd.Timestamp, str]]) -> tuple[pd.Timestamp, str] | None:
    """When the first of them was, and all that was then."""
    known = list(found)
    at = min((one[0] for one in known), default=None)
    return None if at is None else (at, "; ".join(told for since, told in known if since == at))


def _trained(name: str, outcome: dict[str, Any], decided: dict[str, Any] | None) -> Trained:
    if outcome["tag"] is None:
        return Trained(name, None, outcome["line"])
    entry = catalog.MODELS[name]
    metric, baseline = outcome["metrics"][entry.headline], outcome["metrics"][entry.baseline]
    return Trained(
        name,
        outcome["tag"],
        outcome["line"],
        entry.headline,
        metric["value"],
        metric.get("low"),
        metric.get("high"),
        baseline["value"],
        decided["decision"] if decided else None,
        decided["reason"] if decided else None,
    )


def _look(look: Any, metric: str) -> Look:
    estimate = look.estimates.get(metric)
    known = {name: estimate[name] for name in ("value", "low", "high")} if estimate else {}
    return Look(pd.Timestamp(look.at), look.action, look.share, look.reason, **known)
