"""What a plan promised against what happened: the goal-attainment gap, ROI, trend; and what the next plan assumes."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Realised:
    """One channel in one cycle.

    Attributes:
        gap: (realised − planned return) / planned; negative: the goal was missed.
        roi: (return − cost) / cost, from outcomes.
        incremental_return: Against the control group; ``None`` where there was none: nothing is then incremental.
        words: A sentence.
    """

    channel: str
    planned_units: float
    planned_cost: float
    planned_return: float
    units: float
    cost: float
    realised_return: float
    gap: float | None
    roi: float | None
    incremental_return: float | None
    incremental_interval: tuple[float, float] | None
    words: str


@dataclass(frozen=True, kw_only=True)
class Update:
    """A channel's unit return before and after its outcomes were seen; ``weight`` is what the outcomes count for."""

    channel: str
    before: float
    seen: float
    after: float
    low: float
    high: float
    weight: float
    words: str


def compare(planned: pd.DataFrame, outcomes: pd.DataFrame) -> tuple[Realised, ...]:
    """Plan against outcomes, a row for each channel of the plan.

    Args:
        planned: ``channel, units, cost, expected_return`` (a stored plan's allocation).
        outcomes: ``channel, units, cost, realised_return``; and, where a part was held back as control:
            ``customers, control_customers, control_return`` and the squares ``return_squares, control_squares``.
    """
    raise NotImplementedError


def update(assumed: pd.DataFrame, realised: tuple[Realised, ...], worth_units: float) -> tuple[Update, ...]:
    """The next cycle's unit returns: realised rates shrunk towards what was assumed, by evidence.

    ``after = weight × seen + (1 − weight) × before`` with ``weight = units / (units + worth_units)``: empirical Bayes
    with a prior worth so many units.
    """
    raise NotImplementedError


def trend(gaps: pd.DataFrame) -> pd.DataFrame:
    """The gap over cycles: ``channel, cycles, mean_gap, slope_per_cycle, words`` from ``channel, cycle, gap``."""
    raise NotImplementedError
