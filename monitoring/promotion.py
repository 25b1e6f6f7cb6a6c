"""What follows for a challenger: stay, have a larger share, be promoted, or end; from a judgement and a schedule."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from monitoring.experiment import Estimate, ExperimentJudgement
from monitoring.verdict import Verdict

Step = Literal["stay", "raise", "promote", "end"]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How a challenger comes to its customers; shares rise, days are counted within each step.

    ``step_requests``: how many it must have answered at a step (scored, in the shadow) before the next; ``max_days``
    are those of all steps, after which nothing goes on whatever is known.
    """

    shares: tuple[float, ...] = (0.05, 0.2, 0.5)
    share_days: float = 3
    shadow_days: float = 1
    step_requests: int = 100
    max_days: float = 28


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where an experiment is: the share, for how many days it has had it, and how many requests it has answered there.

    ``scores_alone``: both versions score every row, so that there is nothing to raise; ``days`` are those of all steps.
    """

    share: float
    is_shadow: bool
    step_days: float
    days: float
    answered: int
    scores_alone: bool = False


@dataclass(frozen=True)
class Decision:
    """What to do (``share``: the one to raise to), and why in words."""

    step: Step
    reason: str
    share: float | None = None
    is_harm: bool = False


def decide(
    judgement: ExperimentJudgement | None, failures: Verdict, standing: Standing, schedule: Schedule
) -> Decision:
    """The next step; ``judgement`` is None as long as the challenger answers nobody and nothing can be compared.

    ``failures`` (`monitoring.experiment.judge_failures`) are looked at first: they count in the shadow too. What is
    judged decided is done at any share; else the schedule counts, which ends what nothing has decided in time.
    """
    if not failures.passed:
        return Decision("end", f"stopped for harm: {failures.reason}", is_harm=True)
    if judgement is not None and judgement.action != "go on":
        if judgement.action == "promote":
            return Decision("promote", judgement.reason)
        is_harm = judgement.action == "stop for harm"
        told = "stopped for harm: " if is_harm and "harm" not in judgement.reason else ""
        return Decision("end", f"{told}{judgement.reason}", is_harm=is_harm)
    if standing.scores_alone:
        planned = Decision("stay", judgement.reason if judgement else "nothing is known yet of what it scored")
    else:
        planned = _on_the_ramp(judgement, standing, schedule)
    if standing.days < schedule.max_days:
        return planned
    told = f"nothing is decided after {standing.days:.0f} days, {schedule.max_days:g} are the most"
    return Decision("end", f"{told}: {planned.reason}")


def _on_the_ramp(judgement: ExperimentJudgement | None, standing: Standing, schedule: Schedule) -> Decision:
    found = f"; {judgement.reason}" if judgement is not None else ""
    later = [share for share in schedule.shares if share > standing.share]
    if standing.is_shadow:
        if standing.step_days < schedule.shadow_days:
            return Decision("stay", f"in the shadow for {standing.step_days:.1f} of {schedule.shadow_days:g} days")
        if standing.answered < schedule.step_requests:
            few = f"{standing.answered:,} requests in the shadow, {schedule.step_requests:,} are the least"
            return Decision("stay", f"it scored {few}")
        told = f"{standing.answered:,} requests scored in the shadow, failures no reason to stop"
        return Decision("raise", told, later[0])
    held = f"{standing.share:g} of the customers for {standing.step_days:.1f} days"
    if later and standing.step_days >= schedule.share_days:
        if standing.answered >= schedule.step_requests:
            return Decision("raise", f"{held} without harm{found}", later[0])
        # where it was hardly asked, that it did no harm says nothing
        few = f"{standing.answered:,} requests at that share, {schedule.step_requests:,} are the least"
        return Decision("stay", f"{held}; it answered {few}{found}")
    return Decision("stay", held + (found or "; nothing is known yet of what came of it"))


def outlook(standing: Standing, schedule: Schedule) -> str:
    """What follows, in words, as long as nothing is judged decided before."""
    latest = f", after {schedule.max_days:g} days at the latest"
    if standing.scores_alone:
        return f"decided by what comes of what both versions scored{latest}"
    later = [share for share in schedule.shares if share > standing.share]
    days = schedule.shadow_days if standing.is_shadow else schedule.share_days
    left = max(0.0, days - standing.step_days)
    if not later:
        return f"no larger share: decided by what comes of its answers{latest}"
    least = f"{schedule.step_requests:,} requests {'scored' if standing.is_shadow else 'answered'}"
    return f"{later[0]:g} of the customers in {left:.1f} days and {least}, if it does no harm"


def in_words(estimates: Mapping[str, Estimate]) -> str:
    """Every metric's difference with its interval, what it is a difference to, and of how many customers."""
    return "; ".join(
        f"{name} {e.value:+.3g} ({e.low:+.3g} to {e.high:+.3g}) on {e.champion:.4g}, "
        f"{e.customers[0]:,} + {e.customers[1]:,} customers"
        for name, e in estimates.items()
    )
