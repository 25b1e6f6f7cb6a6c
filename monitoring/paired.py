"""Two versions compared on rows that both scored: how much less the challenger loses, by customer."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandera.typing.pandas import DataFrame

from infra.loop_contracts import PairedLosses

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PairedComparison:
    """Challenger's mean loss less the champion's, its variance, the champion's mean loss, and of how many customers."""

    difference: float
    variance: float
    champion: float
    customers: int


def compare_losses(losses: DataFrame[PairedLosses]) -> PairedComparison:
    """Weighted mean of the differences over all rows; a customer's rows vary together."""
    weight = losses["weight"].to_numpy(dtype=float)
    customer, names = pd.factorize(losses["pseudonym"])
    if not len(names):
        return PairedComparison(0.0, 0.0, 0.0, 0)
    champion = losses["champion_loss"].to_numpy(dtype=float)
    gain = losses["challenger_loss"].to_numpy(dtype=float) - champion
    difference, variance = weighted_mean(*(np.bincount(customer, of).astype(float) for of in (weight * gain, weight)))
    return PairedComparison(difference, variance, float(np.average(champion, weights=weight)), len(names))


def weighted_mean(sums: Array, weights: Array) -> tuple[float, float]:
    """Σ sums / Σ weights over customers, and its variance by linearising (delta method)."""
    mean = sums.sum() / weights.sum()
    parts = sums - mean * weights
    count = len(sums)
    return float(mean), float(parts @ parts) / weights.sum() ** 2 * count / max(count - 1, 1)
