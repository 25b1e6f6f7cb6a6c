"""Do predictions mean what they say? Probabilities in bins of equal positives, amounts in tenths of rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.card.resampling import MIN_CUSTOMERS, ratios_by_group
from models.metrics import Array, Metric

BINS = 10
MIN_POSITIVES_PER_BIN = 20


@dataclass(frozen=True)
class Bin:
    """Rows of similar predictions: their mean prediction, and what was observed, with its 95 % interval.

    ``coverage`` is the share of rows whose own interval held what came, where the model gives intervals.
    """

    rows: int
    predicted: float
    observed: Metric
    coverage: Metric | None = None


def calibration_bins(outcomes: pd.DataFrame, bins: int = BINS) -> tuple[Bin, ...]:
    """Bins of equal positives, lowest predictions first; fewer where positives are scarce, none with under forty.

    Equal positives and not equal rows: where events are rare, most tenths of rows would hold none.
    """
    actual, predicted, weight = (outcomes[name].to_numpy(dtype=float) for name in ("actual", "predicted", "weight"))
    bins = min(bins, int((actual > 0).sum()) // MIN_POSITIVES_PER_BIN)
    if bins < 2:
        return ()
    return _bins(outcomes, _cut(predicted, weight * actual, bins), weight)


def decile_bins(outcomes: pd.DataFrame, bins: int = BINS) -> tuple[Bin, ...]:
    """Amounts: tenths of rows by prediction, lowest first, with the coverage of the rows' own intervals.

    With fewer than two hundred customers there are fewer and larger parts.
    """
    bins = min(bins, outcomes["pseudonym"].nunique() // MIN_CUSTOMERS)
    if bins < 2:
        return ()
    predicted, weight = outcomes["predicted"].to_numpy(dtype=float), outcomes["weight"].to_numpy(dtype=float)
    return _bins(outcomes, _cut(predicted, weight, bins), weight)


def _cut(predicted: Array, mass: Array, bins: int) -> np.ndarray:
    """The bin of each row, so that each holds the same mass; equal predictions share a bin. Empty bins go."""
    value = np.unique(predicted, return_inverse=True)[1]
    of_value = np.bincount(value, mass)
    middle = of_value.cumsum() - of_value / 2
    place = np.floor(middle * bins / of_value.sum()).clip(0, bins - 1).astype(int)
    return np.unique(place[value], return_inverse=True)[1]


def _bins(outcomes: pd.DataFrame, group: np.ndarray, weight: Array) -> tuple[Bin, ...]:
    customers = outcomes["pseudonym"]
    actual, predicted = outcomes["actual"].to_numpy(dtype=float), outcomes["predicted"].to_numpy(dtype=float)
    rows, total = np.bincount(group), np.bincount(group, weight)
    means = np.bincount(group, weight * predicted) / total
    observed = ratios_by_group(customers, group, weight * actual, weight)
    covered: list[Metric] | list[None] = [None] * len(rows)
    if {"low", "high"} <= set(outcomes):
        held = outcomes["actual"].between(outcomes["low"], outcomes["high"]).to_numpy(dtype=float)
        covered = ratios_by_group(customers, group, weight * held, weight)
    found = zip(rows, means, observed, covered, strict=True)
    return tuple(Bin(int(n), float(mean), seen, coverage) for n, mean, seen, coverage in found)
