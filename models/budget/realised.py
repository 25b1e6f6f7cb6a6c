"""What a plan promised against what happened: the goal-attainment gap, ROI, trend.

What the next plan assumes follows from the same results (`models.budget.curves`, `models.budget.responses`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

LEVEL = 0.95
Z = float(stats.norm.ppf(0.5 + LEVEL / 2))
FEWEST_CYCLES = 3  # two points always lie on a line
CONTROL = ("customers", "control_customers", "control_return", "return_squares", "control_squares")


@dataclass(frozen=True, kw_only=True)
class Realised:
    """One channel in one cycle.

    Attributes:
        gap: (realised − planned return) / planned; negative: the goal was missed.
        roi: (return − cost) / cost, from outcomes, where the return is money.
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


def compare(planned: pd.DataFrame, outcomes: pd.DataFrame) -> tuple[Realised, ...]:
    """Plan against outcomes, a row for each channel of the plan.

    Args:
        planned: ``channel, units, cost, expected_return`` (a stored plan's allocation).
        outcomes: ``channel, units, cost, realised_return``; and, where some customers were held back as control:
            ``customers`` and ``control_customers``, ``control_return`` (its sum), and the sums of squares of both per
            customer, ``return_squares`` and ``control_squares``. A channel without a row had no outcomes: 0.
    """
    known = outcomes.set_index(outcomes["channel"].astype(str))
    nothing = pd.Series({"units": 0.0, "cost": 0.0, "realised_return": 0.0})
    return tuple(
        _one(plan, pd.Series(known.loc[str(plan["channel"])]) if str(plan["channel"]) in known.index else nothing)
        for plan in planned.to_dict("records")
    )


def _one(plan: dict[Any, Any], seen: pd.Series) -> Realised:
    gained, cost, promised = float(seen["realised_return"]), float(seen["cost"]), float(plan["expected_return"])
    gap = None if promised == 0 else (gained - promised) / abs(promised)
    roi = None if cost == 0 else (gained - cost) / cost
    incremental, interval = lift(seen, gained)
    text = f"{plan['channel']}: planned {promised:,.2f}, realised {gained:,.2f}"
    text += "" if gap is None else f" ({gap:+.1%})"
    if incremental is None or interval is None:
        text += "; without a control group nobody knows how much of it would have come anyway"
    else:
        sure = "" if interval[0] > 0 or interval[1] < 0 else ", which may be nothing"
        text += f"; {incremental:,.2f} of it is incremental ({interval[0]:,.2f} to {interval[1]:,.2f}{sure})"
    return Realised(
        channel=str(plan["channel"]),
        planned_units=float(plan["units"]),
        planned_cost=float(plan["cost"]),
        planned_return=promised,
        units=float(seen["units"]),
        cost=cost,
        realised_return=gained,
        gap=gap,
        roi=roi,
        incremental_return=incremental,
        incremental_interval=interval,
        words=text,
    )


def lift(seen: pd.Series, gained: float) -> tuple[float | None, tuple[float, float] | None]:
    """Return of the treated less what the control's mean would have brought them, with Welch's interval."""
    if any(name not in seen or pd.isna(seen[name]) for name in CONTROL):
        return None, None
    treated, control, kept, squares, kept_squares = (float(seen[name]) for name in (*CONTROL[:2], *CONTROL[2:]))
    if treated < 2 or control < 2:
        return None, None
    mean, other = gained / treated, kept / control
    spread = max(squares / treated - mean**2, 0) / (treated - 1) + max(kept_squares / control - other**2, 0) / (
        control - 1
    )
    lift, half = treated * (mean - other), Z * treated * spread**0.5
    return lift, (lift - half, lift + half)


def trend(gaps: pd.DataFrame) -> pd.DataFrame:
    """The gap over cycles: ``channel, cycles, mean_gap, slope_per_cycle, words`` from ``channel, cycle, gap``.

    Cycles are taken in their order, one step apart; with fewer than three there is no slope.
    """
    rows = []
    for channel, part in gaps.dropna(subset=["gap"]).sort_values("cycle").groupby("channel", sort=False):
        values = part["gap"].to_numpy(float)
        slope, low, high = _slope(values)
        if np.isnan(slope):
            words = f"{channel}: {len(values)} cycles are too few for a trend"
        elif low > 0 or high < 0:
            words = f"{channel}: the gap {'rises' if slope > 0 else 'falls'} by {abs(slope):.1%} of the plan each cycle"
        else:
            words = f"{channel}: no trend can be told from {len(values)} cycles"
        rows.append((str(channel), len(values), float(values.mean()), slope, words))
    return pd.DataFrame(rows, columns=["channel", "cycles", "mean_gap", "slope_per_cycle", "words"])


def _slope(values: np.ndarray) -> tuple[float, float, float]:
    """Least squares with its 95 % interval."""
    count = len(values)
    if count < FEWEST_CYCLES:
        return float("nan"), float("nan"), float("nan")
    fitted = stats.linregress(np.arange(count), values)
    half = float(stats.t.ppf(0.5 + LEVEL / 2, count - 2)) * float(fitted.stderr)
    return float(fitted.slope), float(fitted.slope) - half, float(fitted.slope) + half
