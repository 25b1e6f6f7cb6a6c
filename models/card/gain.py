"""Cumulative gain: what share of all positives (or of all money) the best-scored part of the rows holds."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.card.resampling import RESAMPLES, SEED
from models.metrics import Array, Metric, interval, resampled_customers

SHARES = tuple(round(i / 100, 2) for i in range(101))
LIFTS_AT = (0.05, 0.1, 0.2, 0.3)


@dataclass(frozen=True)
class Gain:
    """``found[i]`` of all positives lie in the best-scored ``shares[i]`` of rows; ``low``, ``high``: 95 % interval.

    ``baseline`` is the same curve of the baseline, where the model gives its scores; ``lift`` is found over share.
    """

    shares: tuple[float, ...]
    found: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    baseline: tuple[float, ...] | None
    lift: dict[str, Metric]


def gain(outcomes: pd.DataFrame) -> Gain:
    """The curve at every whole per cent of rows, by weight; equal scores keep the order of the rows.

    Resamples are those of the metrics (``resampled_customers`` over the rows as they come), so that intervals agree.
    """
    weight = outcomes["weight"].to_numpy(dtype=float)
    mass = weight * outcomes["actual"].to_numpy(dtype=float)
    best_first = _best_first(outcomes["predicted"])
    ours = _curve(weight[best_first], mass[best_first])
    draws = [draw[best_first] for draw in resampled_customers(outcomes["pseudonym"], RESAMPLES, SEED)]
    resampled = np.array([_curve(weight[best_first] * draw, mass[best_first] * draw) for draw in draws])
    low, high = np.nanquantile(resampled, [0.025, 0.975], axis=0)
    baseline = None
    if "baseline" in outcomes:
        order = _best_first(outcomes["baseline"])
        baseline = _plain(_curve(weight[order], mass[order]))
    lift = {}
    for share in LIFTS_AT:
        at = SHARES.index(share)
        lift[f"{share:.0%}"] = interval(float(ours[at]) / share, (resampled[:, at] / share).tolist())
    return Gain(SHARES, _plain(ours), _plain(low), _plain(high), baseline, lift)


def _best_first(score: pd.Series) -> np.ndarray:
    return np.argsort(-score.to_numpy(dtype=float), kind="stable")


def _curve(weight: Array, mass: Array) -> Array:
    """The share of mass found at each of ``SHARES`` of the weight, best first."""
    share = np.concatenate([[0.0], weight.cumsum() / weight.sum()])
    with np.errstate(divide="ignore", invalid="ignore"):  # a resample may hold no positive
        found = np.concatenate([[0.0], mass.cumsum() / mass.sum()])
    return np.interp(SHARES, share, found)


def _plain(curve: Array) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in curve)
