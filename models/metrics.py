"""Named figures with intervals.

Each figure of a probability takes labels (0/1) and scores once, sorts what it must, and gives a function of row
weights: so resampling customers is weighing rows anew, and every figure can have its interval.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]
Figure = Callable[[npt.ArrayLike], float]
Loss = Literal["log_loss", "squared_error"]


@dataclass(frozen=True)
class Metric:
    """A value with its 95 % interval, where one was estimated."""

    value: float
    low: float | None = None
    high: float | None = None


Metrics = dict[str, Metric]


def plain(metrics: Metrics) -> dict[str, dict[str, Any]]:
    """As JSON has them; what was not estimated is left out."""
    return {name: {k: v for k, v in asdict(metric).items() if v is not None} for name, metric in metrics.items()}


def weighted_auc(label: npt.ArrayLike, score: npt.ArrayLike) -> Figure:
    """The area under the ROC curve.

    The probability that a positive outranks a negative, ties counted half (Mann-Whitney).
    NaN when one class has no weight.
    """
    groups = _tie_groups(label, score)

    def auc(weight: npt.ArrayLike) -> float:
        ups, downs = groups(weight)
        total = ups.sum() * downs.sum()
        return float(ups @ (downs.cumsum() - downs / 2) / total) if total > 0 else float("nan")

    return auc


def average_precision(label: npt.ArrayLike, score: npt.ArrayLike) -> Figure:
    """Area under the precision-recall curve, as scikit-learn's function of that name; NaN without positives."""
    groups = _tie_groups(label, score)

    def area(weight: npt.ArrayLike) -> float:
        ups, downs = (counts[::-1] for counts in groups(weight))
        hits, drawn = ups.cumsum(), (ups + downs).cumsum()
        if not hits[-1] > 0:
            return float("nan")
        return float(ups @ (hits / np.where(drawn > 0, drawn, 1)) / hits[-1])

    return area


def _tie_groups(label: npt.ArrayLike, score: npt.ArrayLike) -> Callable[[npt.ArrayLike], tuple[Array, Array]]:
    """Weight of positives and of negatives at each different score, lowest score first."""
    positive = np.asarray(label, dtype=bool)
    group = np.unique(np.asarray(score, dtype=float), return_inverse=True)[1]
    count = int(group.max()) + 1

    def weights(weight: npt.ArrayLike) -> tuple[Array, Array]:
        w = np.asarray(weight, dtype=float)
        up, down = np.bincount(group, w * positive, count), np.bincount(group, w * ~positive, count)
        return up.astype(float), down.astype(float)

    return weights


def lift_at_top(label: npt.ArrayLike, score: npt.ArrayLike, share: float = 0.1) -> Figure:
    """How many times more positives the best-scored ``share`` of the weight holds than all of it does."""
    order = np.argsort(-np.asarray(score, dtype=float), kind="stable")
    sorted_label = np.asarray(label, dtype=float)[order]

    def lift(weight: npt.ArrayLike) -> float:
        w = np.asarray(weight, dtype=float)[order]
        reached = w.cumsum()
        room = share * reached[-1]
        taken = np.clip(room - (reached - w), 0, w)  # of the row at the border, the part that fits
        positives = float(w @ sorted_label)
        return float(taken @ sorted_label / room / (positives / reached[-1])) if positives > 0 else float("nan")

    return lift


def log_loss_rows(label: npt.ArrayLike, probability: npt.ArrayLike) -> Array:
    """Each row's negative log-likelihood in nats; probabilities are kept off 0 and 1 by 1e-12."""
    p = np.clip(np.asarray(probability, dtype=float), 1e-12, 1 - 1e-12)
    return np.where(np.asarray(label, dtype=bool), -np.log(p), -np.log1p(-p))


def loss_rows(loss: Loss, actual: npt.ArrayLike, said: npt.ArrayLike) -> Array:
    """Each row's loss, by the one that versions of a model are compared by."""
    if loss == "log_loss":
        return log_loss_rows(actual, said)
    return np.square(np.asarray(said, dtype=float) - np.asarray(actual, dtype=float))


def log_loss(label: npt.ArrayLike, probability: npt.ArrayLike) -> Figure:
    """Mean negative log-likelihood, in nats."""
    return average(log_loss_rows(label, probability))


def normalised_entropy(label: npt.ArrayLike, probability: npt.ArrayLike) -> Figure:
    """Log-loss over the log-loss of always saying the base rate; below 1 is better than that.

    He et al., "Practical Lessons from Predicting Clicks on Ads at Facebook", ADKDD 2014.
    """
    loss, rate = log_loss(label, probability), average(np.asarray(label, dtype=float))

    def ratio(weight: npt.ArrayLike) -> float:
        p = rate(weight)
        entropy = -p * np.log(p) - (1 - p) * np.log1p(-p) if 0 < p < 1 else float("nan")
        return loss(weight) / entropy

    return ratio


def prediction_ratio(label: npt.ArrayLike, probability: npt.ArrayLike) -> Figure:
    """Mean prediction over the observed rate: 1 is calibrated in the large; NaN without positives."""
    y, p = np.asarray(label, dtype=float), np.asarray(probability, dtype=float)

    def ratio(weight: npt.ArrayLike) -> float:
        w = np.asarray(weight, dtype=float)
        observed = float(w @ y)
        return float(w @ p) / observed if observed > 0 else float("nan")

    return ratio


def brier_score(label: npt.ArrayLike, probability: npt.ArrayLike) -> Figure:
    """Mean squared difference between probability and outcome (Brier 1950)."""
    return average((np.asarray(probability, dtype=float) - np.asarray(label, dtype=float)) ** 2)


def base_rate_brier(label: npt.ArrayLike) -> Figure:
    """The Brier score of always saying the base rate."""
    rate = average(np.asarray(label, dtype=float))
    return lambda weight: rate(weight) * (1 - rate(weight))


def average(values: npt.ArrayLike) -> Figure:
    """The weighted mean."""
    v = np.asarray(values, dtype=float)
    return lambda weight: float(np.average(v, weights=np.asarray(weight, dtype=float)))


def difference(first: Figure, second: Figure) -> Figure:
    """How much the first exceeds the second, in each resample alike: paired."""
    return lambda weight: first(weight) - second(weight)


def at_once(figures: Mapping[str, Figure], weight: npt.ArrayLike) -> Metrics:
    """The values alone."""
    return {name: Metric(figure(weight)) for name, figure in figures.items()}


def with_intervals(
    figures: Mapping[str, Figure], customers: pd.Series, weight: Array, resamples: int, seed: int
) -> Metrics:
    """Values with intervals by resampling customers."""
    resampled: dict[str, list[float]] = {name: [] for name in figures}
    for draws in resampled_customers(customers, resamples, seed):
        for name, figure in figures.items():
            resampled[name].append(figure(weight * draws))
    return {name: interval(figure(weight), resampled[name]) for name, figure in figures.items()}


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
