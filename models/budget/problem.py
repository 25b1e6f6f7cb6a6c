"""A budget problem as data: what can be bought, what it costs and returns, and what must hold.

An *activity* is a channel × segment × offer × period. A problem may have any of them; one with channels alone is the
simplest, and has one activity a channel:

>>> problem = of_channels(channels, budget=1_130_000)      # Channels: unit_cost, unit_return, max_units, min_units
>>> solve(problem).expected_return                         # 84125.0

Where marginal returns fall, an activity has several rows (*pieces*) with the same unit cost: each piece has its width
(``max_units``) and its return per unit, which never rises from piece to piece; so the problem stays linear.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame

from infra.contracts import Channels
from models.budget.tables import ALL

Measure = Literal["units", "cost", "return"]


@dataclass(frozen=True, kw_only=True)
class Where:
    """Which activities are meant; an empty tuple means all of that kind."""

    channels: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    periods: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A limit on units, cost or return of some activities, absolute or as a share of the whole plan's.

    "At most 40 % of the money on search" is
    ``Rule(name="search", measure="cost", where=Where(channels=("search",)), at_most=0.4, is_share=True)``.
    """

    name: str
    measure: Measure = "cost"
    where: Where = Where()
    at_least: float | None = None
    at_most: float | None = None
    is_share: bool = False


@dataclass(frozen=True)
class Curve:
    """A concave response curve in pieces: widths in units, and the return of each unit within them, which falls.

    ``low`` and ``high`` are the ends of an interval of ``marginal``, where it has one.
    """

    widths: tuple[float, ...]
    marginal: tuple[float, ...]
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Frames have the columns of `models.budget.tables`; those with a default may be left out, and so may whole frames.

    Attributes:
        activities: What can be bought (`tables.ACTIVITIES`).
        budget: Money for everything together; ``inf`` for no limit but those of the periods.
        channels: Minimum, maximum, frozen and batch units, minimum contribution (`tables.CHANNELS`).
        segments: Customers, contact limits and floors (`tables.SEGMENTS`).
        reach: Contacts that consent and eligibility allow, by channel, segment and period (`tables.REACH`).
        periods: Budgets of periods (`tables.PERIODS`).
        rules: Shares, floors, caps of groups.
        min_roi: Least (return − cost) / cost of the whole plan; return and cost must then be in the same money.
    """

    activities: pd.DataFrame
    budget: float = inf
    channels: pd.DataFrame | None = None
    segments: pd.DataFrame | None = None
    reach: pd.DataFrame | None = None
    periods: pd.DataFrame | None = None
    rules: tuple[Rule, ...] = ()
    min_roi: float | None = None


def of_channels(
    channels: DataFrame[Channels],
    budget: float,
    *,
    curves: Mapping[str, Curve] | None = None,
    rules: tuple[Rule, ...] = (),
    min_roi: float | None = None,
) -> Problem:
    """The simplest problem: a table of channels, some of which may have a response curve in place of unit_return.

    Further columns of `tables.CHANNELS` (batch_units, fixed_units, min_return) and the interval unit_return_low and
    unit_return_high are taken where the table has them.
    """
    taken = [c for c in ("unit_return_low", "unit_return_high", "currency") if c in channels]
    straight = channels[["channel", "unit_cost", "unit_return", *taken]].reset_index(drop=True).assign(piece=0)
    bent = [
        _pieces(channel, float(cost), curves[channel])
        for channel, cost in zip(channels["channel"], channels["unit_cost"], strict=True)
        if curves and channel in curves
    ]
    kept = straight[~straight["channel"].isin(list(curves or ()))]
    held = [c for c in ("min_units", "max_units", "fixed_units", "min_return", "batch_units") if c in channels]
    return Problem(
        activities=pd.concat([kept, *bent], ignore_index=True) if bent else straight,
        budget=budget,
        channels=channels[["channel", *held]].reset_index(drop=True),
        rules=rules,
        min_roi=min_roi,
    )


def _pieces(channel: str, unit_cost: float, curve: Curve) -> pd.DataFrame:
    count = len(curve.widths)
    return pd.DataFrame(
        {
            "channel": channel,
            "unit_cost": unit_cost,
            "unit_return": curve.marginal,
            "max_units": curve.widths,
            "unit_return_low": curve.low or (np.nan,) * count,
            "unit_return_high": curve.high or (np.nan,) * count,
            "piece": range(count),
        }
    )


__all__ = ["ALL", "Curve", "Measure", "Problem", "Rule", "Where", "of_channels"]
