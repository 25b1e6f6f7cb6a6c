"""Response curves: from history where there is enough of it, else from what is assumed; and it says which.

The curve is r(u) = s·k·ln(1 + u/k): the first unit returns s, and after k units a unit returns half of that; k = ∞ is
a straight line. For each k of a grid s follows by least squares; a bend is believed only if it explains the history
better than a line by more than its extra parameter costs (AICc, by 2). The interval of a piece spans all (s, k) that a
95 % profile likelihood leaves, and is never surer than the responses that the history counts (``Sampled``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from models.budget.arrays import Floats
from models.budget.problem import Curve

ENOUGH_PERIODS, ENOUGH_LEVELS, ENOUGH_SPREAD = 8, 4, 1.5  # a bend is seen only where quite different amounts were tried
BETTER = 2.0  # of AICc
BENDS = 40  # bends tried, from a twentieth of the largest amount seen to twenty times it
LEVEL = 0.95
Z = float(stats.norm.ppf(0.5 + LEVEL / 2))


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What is assumed of a channel before anything is known.

    Attributes:
        unit_return: Return of the first units.
        max_units: The curve ends there.
        worth_units: The evidence that the prior is worth, in units: a history of as many weighs the same.
        deviation: Relative standard deviation of ``unit_return``.
    """

    unit_return: float
    max_units: float
    worth_units: float
    deviation: float = 0.5


@dataclass(frozen=True, kw_only=True)
class FittedCurve:
    """A channel's curve and where it comes from."""

    channel: str
    curve: Curve
    source: Literal["history", "prior and history", "prior"]
    observations: int
    words: str


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """How far below and above its rate the true one may lie (95 %), as few responses allow: in ``result`` per unit."""

    below: float
    above: float


CERTAIN = Sampled(below=0.0, above=0.0)


def fit(
    history: pd.DataFrame,
    priors: Mapping[str, Prior],
    *,
    sampled: Mapping[str, Sampled] | None = None,
    pieces: int = 8,
) -> dict[str, FittedCurve]:
    """A concave curve for each channel with a prior.

    Args:
        history: ``channel``, ``units`` bought in a period, ``result`` they brought (the unit of ``unit_return``).
        priors: What is assumed of each channel.
        sampled: How sure the history's rate is; a channel left out has results that were no sample.
        pieces: Pieces of a bent curve.
    """
    seen = history[(history["units"] > 0) & history["result"].notna()]
    return {
        channel: _fit_one(
            channel, seen[seen["channel"] == channel], prior, (sampled or {}).get(channel, CERTAIN), pieces
        )
        for channel, prior in priors.items()
    }


def _fit_one(channel: str, seen: pd.DataFrame, prior: Prior, sampled: Sampled, pieces: int) -> FittedCurve:
    units, results = seen["units"].to_numpy(float), seen["result"].to_numpy(float)
    count = len(units)
    if count == 0:
        half = Z * prior.deviation * abs(prior.unit_return)
        curve = _straight(prior.unit_return, half, half, prior.max_units)
        return FittedCurve(
            channel=channel, curve=curve, source="prior", observations=0, words=f"{channel}: assumed, no history"
        )
    levels = len(np.unique(np.round(units / units.max(), 2)))
    if count < ENOUGH_PERIODS or levels < ENOUGH_LEVELS or units.max() < ENOUGH_SPREAD * units.min():
        return _shrunk(channel, units, results, prior, sampled)
    return _bent(channel, units, results, prior, sampled, pieces)


def _straight(rate: float, below: float, above: float, most: float) -> Curve:
    return Curve(widths=(most,), marginal=(rate,), low=(rate - below,), high=(rate + above,))


def _shrunk(channel: str, units: Floats, results: Floats, prior: Prior, sampled: Sampled) -> FittedCurve:
    """Too little to see a bend: one rate, drawn towards the prior by evidence; both err, apart from each other."""
    weight = float(units.sum() / (units.sum() + prior.worth_units))
    rate = weight * float(results.sum() / units.sum()) + (1 - weight) * prior.unit_return
    half = Z * prior.deviation * abs(prior.unit_return) * (1 - weight) ** 0.5
    words = (
        f"{channel}: {len(units)} periods are too few, or too alike, to see returns fall; their rate counts "
        f"{weight:.0%}, the assumed {prior.unit_return:g} the rest"
    )
    below, above = (float(np.hypot(half, weight * error)) for error in (sampled.below, sampled.above))
    curve = _straight(rate, below, above, prior.max_units)
    return FittedCurve(channel=channel, curve=curve, source="prior and history", observations=len(units), words=words)


@dataclass(frozen=True, kw_only=True)
class _Line:
    """Least squares for one bend: slope, its half interval, and the squares left over."""

    bend: float
    slope: float
    half: float
    squares: float


def _bent(channel: str, units: Floats, results: Floats, prior: Prior, sampled: Sampled, pieces: int) -> FittedCurve:
    largest = float(units.max())
    lines = [_line(units, results, bend) for bend in (np.inf, *np.geomspace(largest / 20, largest * 20, BENDS))]
    straight, best = lines[0], lines[1 + int(np.argmin([line.squares for line in lines[1:]]))]
    count = len(units)
    is_bent = _aicc(straight.squares, count, 2) - _aicc(best.squares, count, 3) > BETTER
    chosen = best if is_bent else straight
    least = float(np.min([line.squares for line in lines]))
    limit = least * np.exp(float(stats.chi2.ppf(LEVEL, 1)) / count)
    likely = [line for line in lines if line.squares <= limit or line is chosen]
    edges = np.linspace(0, prior.max_units, (pieces if is_bent else 1) + 1)
    steps = np.diff(edges)
    each = {line.bend: np.diff(_shape(edges, line.bend)) / steps for line in likely}
    low = np.min([(line.slope - line.half) * each[line.bend] for line in likely], axis=0)
    high = np.max([(line.slope + line.half) * each[line.bend] for line in likely], axis=0)
    marginal, rate = chosen.slope * each[chosen.bend], float(results.sum() / units.sum())
    relative = marginal / rate if rate > 0 else np.ones_like(marginal)
    low, high = (
        np.minimum(low, marginal - relative * sampled.below),
        np.maximum(high, marginal + relative * sampled.above),
    )
    curve = Curve(
        widths=tuple(steps.tolist()),
        marginal=tuple(marginal.tolist()),
        low=tuple(np.minimum.accumulate(low).tolist()),
        high=tuple(high.tolist()),
    )
    shape = f"a unit returns half as much after {chosen.bend:,.0f} units" if is_bent else "returns are not seen to fall"
    beyond = f"; beyond {largest:,.0f} units nothing was tried" if prior.max_units > largest else ""
    words = f"{channel}: from {count} periods; the first unit returns {chosen.slope:.4g}, {shape}{beyond}"
    return FittedCurve(channel=channel, curve=curve, source="history", observations=count, words=words)


def _shape(units: Floats, bend: float) -> Floats:
    return units if np.isinf(bend) else bend * np.log1p(units / bend)


def _line(units: Floats, results: Floats, bend: float) -> _Line:
    shape = _shape(units, bend)
    slope = max(float(shape @ results / (shape @ shape)), 0.0)
    left = results - slope * shape
    squares = max(float(left @ left), 1e-12 * float(results @ results), 1e-300)
    error = (squares / (len(units) - 2) / float(shape @ shape)) ** 0.5
    return _Line(
        bend=bend, slope=slope, half=float(stats.t.ppf(0.5 + LEVEL / 2, len(units) - 2)) * error, squares=squares
    )


def _aicc(squares: float, count: int, parameters: int) -> float:
    penalty = 2 * parameters + 2 * parameters * (parameters + 1) / (count - parameters - 1)
    return float(count * np.log(squares / count)) + penalty
