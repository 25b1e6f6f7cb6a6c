"""What follows for a challenger: stay, have a larger share, be promoted, or end; from a judgement and a schedule."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from scipy.stats import beta

from monitoring.experiment import Estimate, ExperimentJudgement
from monitoring.verdict import Verdict

Step = Literal["stay", "raise", "promote", "end"]
SURE = 0.999  # of harm by failures: hundreds of looks are to stop hardly any challenger that fails as rarely as it may


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How a challenger comes to its customers; shares rise, days are counted within each step."""

    shares: tuple[float, ...] = (0.05, 0.2, 0.5)
    share_days: float = 3
    shadow_days: float = 1
    shadow_rows: int = 100
    max_days: float = 28
    max_failure_rate: float = 0.01


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where an experiment is: the share, for how many days it has had it, and failures among rows asked.

    ``scores_alone``: both versions score every row, so that there is nothing to raise; ``days`` are those of all steps.
    """

    share: float
    is_shadow: bool
    step_days: float
    days: float
    failures: tuple[int, int]
    scores_alone: bool = False


@dataclass(frozen=True)
class Decision:
    """What to do (``share``: the one to raise to), and why in words."""

    step: Step
    reason: str
    share: float | None = None
    is_harm: bool = False


def judge_failures(failures: tuple[int, int], most: float) -> Verdict:
    """Does a challenger surely fail more often than it may? Clopper and Pearson's lower bound, one-sided."""
    failed, asked = failures
    low = float(beta.ppf(1 - SURE, failed, asked - failed + 1)) if failed else 0.0
    rate = failed / asked if asked else 0.0
    reason = f"{failed:,} of {asked:,} rows that it was asked were not answered ({rate:.2%})"
    return Verdict("experiment.failures", low <= most, rate, most, reason)


def decide(judgement: ExperimentJudgement | None, standing: Standing, schedule: Schedule) -> Decision:
    """The next step; ``judgement`` is None as long as the challenger answers nobody and nothing can be compared.

    Failures are looked at first, whoever judges; what is judged decided is done at any share; else the schedule.
    """
    failures = judge_failures(standing.failures, schedule.max_failure_rate)
    if not failures.passed:
        return Decision("end", f"stopped for harm: {failures.reason}", is_harm=True)
    if judgement is not None and judgement.action != "go on":
        if judgement.action == "promote":
            return Decision("promote", judgement.reason)
        is_harm = judgement.action == "stop for harm"
        told = "stopped for harm: " if is_harm and "harm" not in judgement.reason else ""
        return Decision("end", f"{told}{judgement.reason}", is_harm=is_harm)
    if standing.scores_alone:
        return Decision("stay", judgement.reason if judgement else "nothing is known yet of what it scored")
    return _on_the_ramp(judgement, standing, schedule)


def _on_the_ramp(judgement: ExperimentJudgement | None, standing: Standing, schedule: Schedule) -> Decision:
    found = f"; {judgement.reason}" if judgement is not None else ""
    later = [share for share in schedule.shares if share > standing.share]
    if standing.is_shadow:
        asked = standing.failures[1]
        if standing.step_days < schedule.shadow_days:
            return Decision("stay", f"in the shadow for {standing.step_days:.1f} of {schedule.shadow_days:g} days")
        if asked < schedule.shadow_rows:
            told = f"it scored {asked:,} rows in the shadow, {schedule.shadow_rows:,} are the least"
            is_over = standing.days >= schedule.max_days
            return (
                Decision("end", f"{told}, and {schedule.max_days:g} days are over")
                if is_over
                else Decision("stay", told)
            )
        return Decision("raise", f"{asked:,} rows scored in the shadow, failures no reason to stop", later[0])
    if later and standing.step_days >= schedule.share_days:
        told = f"{standing.share:g} of the customers for {standing.step_days:.1f} days without harm"
        return Decision("raise", told + found, later[0])
    held = f"{standing.share:g} of the customers for {standing.step_days:.1f} days"
    return Decision("stay", held + (found or "; nothing is known yet of what came of it"))


def in_words(estimates: Mapping[str, Estimate]) -> str:
    """Every metric's relative difference, and the interval of its difference."""
    return "; ".join(
        f"{name} {e.relative:+.1%} ({e.low:+.4g} to {e.high:+.4g}; {e.customers[0]:,} + {e.customers[1]:,} customers)"
        for name, e in estimates.items()
    )
