"""Experiments: does the challenger do better than the champion, and is it sure enough to act on?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pandera.typing.pandas import DataFrame

from infra.loop_contracts import ArmOutcomes, PairedLosses
from monitoring.verdict import Verdict

Action = Literal["go on", "promote", "reject", "stop for harm"]


@dataclass(frozen=True, kw_only=True)
class ExperimentRule:
    """When an experiment is decided. Days are those since the challenger first answered (or scored, in the shadow)."""

    metric: str = "click_rate"
    guardrails: tuple[str, ...] = ()
    alpha: float = 0.05
    expected_lift: float = 0.1
    min_days: float = 7
    max_days: float = 28
    min_customers: int = 100
    max_failure_rate: float = 0.01


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
    """What to do, why in words, what was found of each metric, and every verdict that led there."""

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

    Args:
        outcomes: by metric; the metrics of the rule are in it.
        shares: the challenger's share in each step of the ramp.
        failures: answers that the challenger could not give (crashed, timed out), of how many asked.
        days: for how long the challenger has been answering.
        rule: what decides.
    """
    raise NotImplementedError


def judge_paired(losses: DataFrame[PairedLosses], days: float, rule: ExperimentRule) -> ExperimentJudgement:
    """Judge an experiment in which both versions scored every row: the paired difference of losses, by customer."""
    raise NotImplementedError
