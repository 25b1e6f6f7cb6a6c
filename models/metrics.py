"""Named figures with intervals; every function takes true labels, scores and row weights."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """A value with its 95 % interval, where one was estimated."""

    value: float
    low: float | None = None
    high: float | None = None


Metrics = dict[str, Metric]


def weighted_auc(clicked: npt.ArrayLike, score: npt.ArrayLike) -> Callable[[npt.ArrayLike], float]:
    """The area under the ROC curve as a function of row weights; sorting is done once.

    The probability that a positive outranks a negative, ties counted half (Mann-Whitney).
    NaN when one class has no weight.
    """
    positive = np.asarray(clicked, dtype=bool)
    tie_group = np.unique(np.asarray(score, dtype=float), return_inverse=True)[1]

    def auc(weight: npt.ArrayLike) -> float:
        w = np.asarray(weight, dtype=float)
        groups = int(tie_group.max()) + 1
        ups = np.bincount(tie_group, w * positive, groups)
        downs = np.bincount(tie_group, w * ~positive, groups)
        total = ups.sum() * downs.sum()
        return float(ups @ (downs.cumsum() - downs / 2) / total) if total > 0 else float("nan")

    return auc


def log_loss_rows(label: npt.ArrayLike, probability: npt.ArrayLike) -> Array:
    """Each row's negative log-likelihood in nats; probabilities are kept off 0 and 1 by 1e-12."""
    p = np.clip(np.asarray(probability, dtype=float), 1e-12, 1 - 1e-12)
    return np.where(np.asarray(label, dtype=bool), -np.log(p), -np.log1p(-p))


def log_loss(label: npt.ArrayLike, probability: npt.ArrayLike, weight: npt.ArrayLike) -> float:
    """Weighted mean negative log-likelihood, in nats."""
    return float(np.average(log_loss_rows(label, probability), weights=np.asarray(weight, dtype=float)))


def normalised_entropy(label: npt.ArrayLike, probability: npt.ArrayLike, weight: npt.ArrayLike) -> float:
    """Log-loss over the log-loss of always saying the base rate; below 1 is better than that.

    He et al., "Practical Lessons from Predicting Clicks on Ads at Facebook", ADKDD 2014.
    """
    y = np.asarray(label, dtype=float)
    base_rate = np.average(y, weights=np.asarray(weight, dtype=float))
    return log_loss(label, probability, weight) / log_loss(label, np.full(len(y), base_rate), weight)


def prediction_ratio(label: npt.ArrayLike, probability: npt.ArrayLike, weight: npt.ArrayLike) -> float:
    """Mean prediction over the observed rate: 1 is calibrated in the large."""
    w = np.asarray(weight, dtype=float)
    return float(w @ np.asarray(probability, dtype=float) / (w @ np.asarray(label, dtype=float)))


def lift_at_top(label: npt.ArrayLike, score: npt.ArrayLike, share: float = 0.1) -> float:
    """How many times more positives the best-scored ``share`` of rows holds than the average row."""
    y = np.asarray(label, dtype=float)
    top = np.argsort(-np.asarray(score, dtype=float), kind="stable")[: max(1, round(share * len(y)))]
    return float(y[top].mean() / y.mean())


def resampled_customers(customers: pd.Series, resamples: int, seed: int) -> Iterator[Array]:
    """Row weights of bootstrap resamples that draw whole customers, so that repeated rows stay together."""
    codes, unique = pd.factorize(customers)
    generator = np.random.default_rng(seed)
    for _ in range(resamples):
        draws = np.bincount(generator.integers(0, len(unique), len(unique)), minlength=len(unique))
        yield draws[codes].astype(float)


def interval(value: float, resampled: list[float]) -> Metric:
    """A metric with the central 95 % of its resampled values (percentile bootstrap)."""
    finite = [v for v in resampled if np.isfinite(v)]
    if not finite:
        return Metric(value)
    low, high = np.quantile(finite, [0.025, 0.975])
    return Metric(value, float(low), float(high))
