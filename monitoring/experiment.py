"""Experiments: does the challenger do better than the champion, and is it sure enough to act on?

Looked at as often as one likes: intervals hold at all times together (`sequential`), counts too (`counts`).
Decision 0034 says why, and how few customers are too few.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pandera.typing.pandas import DataFrame

from infra.loop_contracts import ArmOutcomes, PairedLosses
from monitoring.arms import Comparison, arm_rows, compare_arms, customers_of
from monitoring.counts import log_exceedance
from monitoring.dealing import judge_dealing
from monitoring.paired import PairedComparison, compare_losses
from monitoring.sequential import half_width, tuned_spread
from monitoring.verdict import Verdict

Action = Literal["go on", "promote", "reject", "stop for harm"]


@dataclass(frozen=True, kw_only=True)
class ExperimentRule:
    """When an experiment is decided. Days are those since the challenger first answered (or scored, in the shadow).

    A larger reward is better, of the metric and of the guardrails; a smaller loss. ``expected_lift`` and
    ``expected_loss_gain`` (both relative to the champion) say what the experiment is to find and tune its test to that;
    they do not change what it may claim. ``tolerated_loss``: the relative loss of a guardrail beyond which the
    challenger, surely, does harm. ``alarm_alpha``: how often dealing that is faithful may be suspected,
    and failures at their limit.
    """

    metric: str = "click_rate"
    guardrails: tuple[str, ...] = ()
    alpha: float = 0.05
    expected_lift: float = 0.1
    expected_loss_gain: float = 0.01
    tolerated_loss: float = 0.05
    min_days: float = 7
    max_days: float = 28
    min_customers: int = 100
    max_failure_rate: float = 0.01
    alarm_alpha: float = 0.01


@dataclass(frozen=True)
class Estimate:
    """Challenger less champion with the confidence sequence that holds at all looks together; ``relative`` to it."""

    value: float
    low: float
    high: float
    champion: float
    challenger: float
    relative: float
    customers: tuple[int, int]


@dataclass(frozen=True)
class ExperimentJudgement:
    """What to do, why in words, what was found of each metric, and every verdict that led there.

    Metrics of which nothing can be said yet have no estimate.
    """

    action: Action
    reason: str
    estimates: Mapping[str, Estimate]
    verdicts: tuple[Verdict, ...]


def judge_experiment(
    outcomes: Mapping[str, DataFrame[ArmOutcomes]],
    shares: Sequence[float],
    failures: tuple[int, int],
    days: float,
    rule: ExperimentRule,
) -> ExperimentJudgement:
    """Judge an experiment whose variants answered different customers.

    Harm stops it at once; customers who were not dealt as they should be end it, since nothing measured on them can be
    believed; it is promoted on a surely better metric, after the minimum run time, once each guardrail can be judged.

    Args:
        outcomes: by metric; the metrics of the rule are in it, every customer that a variant answered is.
        shares: the challenger's share in each step of the ramp.
        failures: requests that the challenger could not answer (crashed, timed out), of how many it was asked.
        days: for how long the challenger has been answering.
        rule: what decides.

    Raises:
        ValueError: a metric of the rule is not among the outcomes.
    """
    absent = [name for name in (rule.metric, *rule.guardrails) if name not in outcomes]
    if absent:
        raise ValueError(f"no outcomes of {', '.join(absent)}")
    failing = judge_failures(failures, rule)
    dealing = judge_dealing(outcomes[rule.metric], shares, rule.alarm_alpha, rule.max_failure_rate)
    metric = _judge_metric(rule.metric, outcomes[rule.metric], 0.0, rule)
    guardrails = {name: _judge_metric(name, outcomes[name], rule.tolerated_loss, rule) for name in rule.guardrails}
    found = {rule.metric: metric, **guardrails}
    estimates = {name: finding for name, (_, finding) in found.items() if finding is not None}
    verdicts = (failing, dealing, *(verdict for verdict, _ in found.values()))
    action, reason = _decide(failing, dealing, metric, guardrails, days, rule)
    return ExperimentJudgement(action, reason, estimates, verdicts)


Finding = tuple[Verdict, Estimate | None]


def _decide(
    failing: Verdict,
    dealing: Verdict,
    metric: Finding,
    guardrails: Mapping[str, Finding],
    days: float,
    rule: ExperimentRule,
) -> tuple[Action, str]:
    verdict, estimate = metric
    broken = [guardrail for guardrail, _ in guardrails.values() if not guardrail.passed]
    unknown = [guardrail.reason for guardrail, found in guardrails.values() if found is None]
    if not failing.passed:
        return "stop for harm", failing.reason
    if not dealing.passed:
        return (
            "reject",
            f"customers were not dealt as the shares say, nothing measured can be believed: {dealing.reason}",
        )
    if not verdict.passed:
        return "stop for harm", f"surely worse: {verdict.reason}"
    if broken:
        return "stop for harm", "; ".join(
            f"surely beyond the tolerated loss: {guardrail.reason}" for guardrail in broken
        )
    if estimate is not None and estimate.low > 0:
        if days < rule.min_days:
            return "go on", f"better so far, judged from day {rule.min_days:g} on: {verdict.reason}"
        if not unknown:
            return "promote", f"surely better: {verdict.reason}"
        verdict = Verdict(verdict.name, True, verdict.value, verdict.threshold, "; ".join([verdict.reason, *unknown]))
    return _go_on(verdict.reason, days, rule)


def _go_on(reason: str, days: float, rule: ExperimentRule) -> tuple[Action, str]:
    if days >= rule.max_days:
        return (
            "reject",
            f"no evidence that it is better after {days:.0f} days, {rule.max_days:g} are the most: {reason}",
        )
    return "go on", reason


def judge_failures(failures: tuple[int, int], rule: ExperimentRule) -> Verdict:
    """Does the challenger, surely, fail more often than it may? Log evidence is held against log(1 / alarm_alpha).

    ``failures`` are requests: the evidence supposes that what failed before makes the next no likelier to fail than it
    may be, which rows of one request, failing together, would break.
    """
    failed, asked = failures
    value, threshold = log_exceedance(failed, asked, rule.max_failure_rate), float(np.log(1 / rule.alarm_alpha))
    reason = f"{failed:,} of {asked:,} requests failed, {rule.max_failure_rate:.1%} may"
    return Verdict("experiment.failures", value < threshold, value, threshold, reason)


def _judge_metric(name: str, outcomes: DataFrame[ArmOutcomes], tolerated: float, rule: ExperimentRule) -> Finding:
    """Fails when the challenger is surely worse by more than is tolerated (relative to the champion)."""
    key = f"experiment.{name}"
    rows = arm_rows(outcomes)
    found = compare_arms(rows)
    customers = found.customers if found else customers_of(rows)
    for variant, count in zip(("champion", "challenger"), customers, strict=True):
        if count < rule.min_customers:
            few = f"{name}: the {variant} answered {count:,} customers, {rule.min_customers:,} are the least"
            return _nothing(key, few)
    if found is None:
        return _nothing(key, f"{name}: no step has customers of both variants")
    half = half_of(found, rule)
    if not np.isfinite(half):
        alike = "every customer brought the same" if found.rate else "no reward with either variant"
        return _nothing(key, f"{name}: {alike}")
    estimate = _estimate(found.difference, half, found.champion, customers)
    threshold = -tolerated * abs(found.champion)
    return Verdict(key, estimate.high >= threshold, estimate.value, threshold, _words(name, estimate)), estimate


def half_of(found: Comparison | PairedComparison, rule: ExperimentRule) -> float:
    """Half the width of the confidence sequence, tuned to what the experiment is to find; infinite: nothing is known.

    What it is to find hangs on the rate of both variants together, which hardly moves with their difference.
    """
    if isinstance(found, PairedComparison):
        effect = found.champion * rule.expected_loss_gain
    else:
        effect = found.rate * rule.expected_lift
    return float(half_width(found.variance, tuned_spread(abs(effect), rule.alpha), rule.alpha))


def judge_paired(losses: DataFrame[PairedLosses], days: float, rule: ExperimentRule) -> ExperimentJudgement:
    """Judge an experiment in which both versions scored every row: the paired difference of losses, by customer.

    The challenger answers nobody, so one that is surely worse is rejected; it does no harm.
    """
    verdict, estimate = _judge_losses(losses, rule)
    estimates = {} if estimate is None else {"loss": estimate}
    action: Action
    if not verdict.passed:
        action, reason = "reject", f"surely worse: {verdict.reason}"
    elif estimate is not None and estimate.high < 0 and days >= rule.min_days:
        action, reason = "promote", f"surely better: {verdict.reason}"
    elif estimate is not None and estimate.high < 0:
        action, reason = "go on", f"better so far, judged from day {rule.min_days:g} on: {verdict.reason}"
    else:
        action, reason = _go_on(verdict.reason, days, rule)
    return ExperimentJudgement(action, reason, estimates, (verdict,))


def _judge_losses(losses: DataFrame[PairedLosses], rule: ExperimentRule) -> Finding:
    key = "experiment.loss"
    found = compare_losses(losses)
    if found.customers < rule.min_customers:
        return _nothing(key, f"outcomes of {found.customers:,} customers, {rule.min_customers:,} are the least")
    half = half_of(found, rule)
    if not np.isfinite(half):
        return _nothing(key, "both versions say the same of everybody")
    estimate = _estimate(found.difference, half, found.champion, (found.customers, found.customers))
    return Verdict(key, estimate.low <= 0, estimate.value, 0.0, _words("loss", estimate)), estimate


def _estimate(difference: float, half: float, champion: float, customers: tuple[int, int]) -> Estimate:
    relative = difference / abs(champion) if champion else float("nan")
    return Estimate(
        difference, difference - half, difference + half, champion, champion + difference, relative, customers
    )


def _words(name: str, estimate: Estimate) -> str:
    """As ``click_rate 0.0542 against 0.0501: +0.0041 (+0.0003 to +0.0079 at all times together), +8.2%``."""
    interval = f"{estimate.low:+.3g} to {estimate.high:+.3g} at all times together"
    relative = f", {estimate.relative:+.1%}" if np.isfinite(estimate.relative) else ""
    values = f"{estimate.challenger:.4g} against {estimate.champion:.4g}"
    return f"{name} {values}: {estimate.value:+.3g} ({interval}){relative}"


def _nothing(key: str, why: str) -> Finding:
    return Verdict(key, True, 0.0, 0.0, f"nothing can be said yet: {why}"), None
