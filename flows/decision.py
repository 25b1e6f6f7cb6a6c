"""Decision: an experiment judged by its evidence, written down, and acted on in the same transaction."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
from pandera.typing.pandas import DataFrame
from sqlalchemy.orm import Session

from flows.alert import teller
from flows.context import Door, horizon_days, now
from infra import registry
from infra.errors import AimloopError
from infra.evaluations import Evaluation, Evaluations
from infra.experiments import Experiment, Experiments
from infra.ledger_rows import ExperimentRow
from infra.loop_contracts import ArmOutcomes, PairedLosses
from infra.promotions import Promotions
from infra.settings import Settings
from models import catalog
from monitoring import promotion
from monitoring.alerts import News
from monitoring.experiment import ExperimentJudgement, ExperimentRule, judge_experiment, judge_failures, judge_paired
from monitoring.promotion import Decision, Schedule, Standing

_DAY = 86_400.0


@dataclass(frozen=True)
class Evidence:
    """What is known of an experiment: outcomes by metric, or losses where both versions scored every row.

    ``failures``: requests that the challenger could not answer, of how many it was asked; ``answered``: those that it
    did answer at its present share, or scored in the shadow. ``notes``: what was left out, and why.
    """

    outcomes: Mapping[str, DataFrame[ArmOutcomes]] = field(default_factory=dict)
    losses: DataFrame[PairedLosses] | None = None
    failures: tuple[int, int] = (0, 0)
    answered: int = 0
    notes: tuple[str, ...] = ()


def decide(door: Door, experiment: Experiment, evidence: Evidence) -> dict[str, Any]:
    """Judge, write the evaluation down, and act: raise the share, promote, or end the experiment.

    The instant is ``flows.context.now()``. Returns a result with ``line``, ``action``, ``reason``, ``verdicts``.
    What somebody else has decided meanwhile stays: then the action is ``overtaken``. What people should hear of is
    written down with it; `flows.alert.announce` sends it.

    Raises:
        AimloopError: it cannot be done, so the experiment goes on, up to its most days: then it ends.
    """
    at = now()
    rule = rule_of(door, experiment.model)
    failures = judge_failures(evidence.failures, rule)
    judgement = _judged(experiment, evidence, at, rule)
    standing, schedule = standing_of(experiment, evidence.answered, at), schedule_of(door.settings, experiment.model)
    decision = promotion.decide(judgement, failures, standing, schedule)
    known = {verdict.name: verdict for verdict in (failures, *(judgement.verdicts if judgement else ()))}
    verdicts = tuple(_plain(asdict(verdict)) for verdict in known.values())
    estimates = {name: _plain(asdict(found)) for name, found in judgement.estimates.items()} if judgement else {}
    look = Evaluation(
        experiment.id, at, decision.step, decision.share, decision.reason, estimates, verdicts, evidence.notes
    )
    found = promotion.in_words(judgement.estimates) if judgement else ""
    try:
        _act(door, experiment, decision, look, found)
    except AimloopError as error:
        reason = f"{decision.step} was decided ({decision.reason}), but {error.what}"
        if _is_overtaken(door, experiment):
            return _told(experiment, "overtaken", reason, look)
        if standing.days < rule.max_days:
            raise AimloopError(reason, error.remedy) from error
        decision = replace(decision, step="end", share=None, reason=f"{reason}; {rule.max_days:g} days are over")
        look = replace(look, action="end", share=None, reason=decision.reason)
        _act(door, experiment, decision, look, found)
    return _told(experiment, decision.step, decision.reason, look)


def rule_of(door: Door, model: str) -> ExperimentRule:
    """What decides. Of a model that scores alone nothing is known before its horizon has passed once."""
    settings = door.settings
    e = settings.experiments
    rule = ExperimentRule(
        metric=e.metric,
        guardrails=tuple(name for name in e.guardrails if name != e.metric),
        alpha=e.alpha,
        expected_lift=e.expected_lift,
        expected_loss_gain=e.expected_loss_gain,
        tolerated_loss=e.tolerated_loss,
        min_days=e.min_days,
        max_days=e.max_days,
        min_customers=e.min_customers,
        max_failure_rate=e.max_failure_rate,
    )
    wait = _wait_days(settings, model)
    return replace(rule, min_days=rule.min_days + wait, max_days=rule.max_days + wait)


def scores_alone(model: str) -> bool:
    """Whether both versions score every row, so that nobody is treated differently while one is tried."""
    return catalog.MODELS[model].tried == "in shadow"


def _wait_days(settings: Settings, model: str) -> int:
    """For how many days nothing can be known: of a model that scores alone, its horizon."""
    return horizon_days(settings, model) if scores_alone(model) else 0


def schedule_of(settings: Settings, model: str) -> Schedule:
    """How a challenger comes to its customers, as the settings have it; when the judge's days are over, it ends."""
    e = settings.experiments
    return Schedule(
        shares=e.ramp_shares,
        share_days=e.ramp_days,
        shadow_days=e.shadow_days,
        step_requests=e.step_requests,
        max_days=e.max_days + _wait_days(settings, model),
    )


def standing_of(experiment: Experiment, answered: int, at: datetime) -> Standing:
    """Where an experiment is at an instant; ``answered``: requests at its present share."""
    return Standing(
        share=experiment.share,
        is_shadow=experiment.is_shadow,
        step_days=(at - experiment.steps[-1].since).total_seconds() / _DAY,
        days=(at - experiment.started_at).total_seconds() / _DAY,
        answered=answered,
        scores_alone=scores_alone(experiment.model),
    )


def _judged(
    experiment: Experiment, evidence: Evidence, at: datetime, rule: ExperimentRule
) -> ExperimentJudgement | None:
    """None where nothing can be compared yet: in the shadow nobody has been answered, or no outcome is known."""
    if scores_alone(experiment.model):
        if evidence.losses is None:
            return None
        return judge_paired(evidence.losses, (at - experiment.started_at).total_seconds() / _DAY, rule)
    answering = [step for step in experiment.steps if step.share > 0]
    if not answering or rule.metric not in evidence.outcomes:
        return None
    first = answering[0].since
    # the shadow counts as run time: a cycle as long as the most days finds the place free for its own candidate
    most = rule.max_days - (first - experiment.started_at).total_seconds() / _DAY
    guardrails = tuple(name for name in rule.guardrails if name in evidence.outcomes)
    known = replace(rule, guardrails=guardrails, max_days=most)
    days = (at - first).total_seconds() / _DAY
    return judge_experiment(
        evidence.outcomes, [step.share for step in experiment.steps], evidence.failures, days, known
    )


def _act(door: Door, experiment: Experiment, decision: Decision, look: Evaluation, found: str) -> None:
    """Do it and write the look down in one transaction.

    Raises:
        AimloopError: somebody else ended the experiment, or promoted another version; it cannot be loaded.
    """
    evaluations, experiments, audit = Evaluations(door.ledger), Experiments(door.ledger), door.own_audit
    tell = teller(door)
    evidence = {
        "evidence": {
            "estimates": found,
            "verdicts": {verdict["name"]: verdict["reason"] for verdict in look.verdicts},
        }
    }

    def beside(session: Session) -> Mapping[str, Any]:
        if decision.step == "promote" and session.get_one(ExperimentRow, experiment.id).ended_at != look.at:
            raise AimloopError(f"experiment {experiment.id} has ended already", "`aimloop experiments` says why")
        evaluations.add(session, look)
        if decision.step in ("promote", "end"):
            tell(session, _news(experiment, decision, found))
        return evidence

    if decision.step == "stay":
        evaluations.write(look)
    elif decision.step == "raise":
        assert decision.share is not None
        experiments.raise_share(experiment.id, decision.share, look.at, audit, reason=decision.reason, beside=beside)
    elif decision.step == "end":
        experiments.end(experiment.id, decision.reason, look.at, audit, beside=beside)
    else:
        registry.load(experiment.challenger)
        Promotions(door.ledger).promote(
            experiment.challenger,
            f"experiment {experiment.id}: {decision.reason}",
            look.at,
            audit,
            instead_of=experiment.champion,
            beside=beside,
        )


def _is_overtaken(door: Door, experiment: Experiment) -> bool:
    """It has ended, or its champion is none any more: somebody else decided."""
    running = Experiments(door.ledger).running().get(experiment.model)
    is_running = running is not None and running.id == experiment.id
    return not is_running or door.ledger.champion(experiment.model) != experiment.champion


def _news(experiment: Experiment, decision: Decision, found: str) -> News:
    model, challenger = experiment.model, experiment.challenger
    if decision.step == "promote":
        what, headline = "promoted", f"{challenger} is champion of {model}: it won experiment {experiment.id}"
    elif decision.is_harm:
        what, headline = (
            "stopped",
            f"Experiment {experiment.id} of {model} was stopped for harm; the champion answers all",
        )
    else:
        what, headline = "ended", f"Experiment {experiment.id} ended: the champion of {model} stays"
    return News(f"{what}.{challenger}", headline, tuple(filter(None, (decision.reason, found))))


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has them: NumPy's numbers as Python's, and no NaN, which a share of nothing is."""
    found = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in found.items()}


def _told(experiment: Experiment, action: str, reason: str, look: Evaluation) -> dict[str, Any]:
    to = f" to {look.share:g}" if action == "raise" else ""
    return {
        "line": f"{experiment.model}: {action}{to} ({reason})",
        "experiment": experiment.id,
        "model": experiment.model,
        "action": action,
        "share": look.share,
        "reason": reason,
        "estimates": dict(look.estimates),
        "verdicts": list(look.verdicts),
        "notes": list(look.notes),
    }
