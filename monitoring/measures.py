"""Measures of how well predictions fit what came, as sums over rows, so that any weighing and slicing of them is cheap.

The *loss* beyond what the predictions themselves lead one to expect (the entropy of a probability p, which is the mean
loss when p is right; Spiegelhalter, "Probabilistic prediction in patient management and clinical trials", 1986), and
the *ranking*: what share of the negatives stands above a positive, which is one less the AUC.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.metrics import Array, log_loss_rows

Codes = npt.NDArray[np.int64]
Pair = tuple[Array, Array]


def group_of(rows: pd.DataFrame, slices: list[str]) -> Codes:
    """Of each row the position of its slice; 0, which is everything, for those of no slice of their own."""
    return np.asarray(pd.Categorical(rows["part"], categories=slices[1:]).codes, dtype=np.int64) + 1


def measures_of(rows: pd.DataFrame, group: Codes) -> dict[str, list[Pair]]:
    """By measure a pair of columns: the sum of the first over that of the second is its value; smaller is better.

    Of probabilities the loss beyond the expected one over the expected one, and the share of negatives (of the same
    slice) above a positive; of amounts the absolute error over the prediction. Further pairs have the same value, and
    vary with other rows: a ranking varies with its positives and its negatives alike (Obuchowski 1997).
    """
    actual, predicted, weight = (rows[column].to_numpy(float) for column in ("actual", "predicted", "weight"))
    if not is_probability(rows):
        return {"error": [(weight * np.abs(actual - predicted), weight * np.maximum(predicted, 1e-9))]}
    is_positive = actual > 0
    p = _among_sampled(predicted, is_positive, weight)
    entropy = -(p * np.log(p) + (1 - p) * np.log1p(-p))
    sides = [
        (side * _misranked(predicted * sign, side, group), side.astype(float))
        for side, sign in ((is_positive, 1), (~is_positive, -1))
    ]
    return {"loss": [(log_loss_rows(is_positive, p) - entropy, entropy)], "ranking": sides}


def _among_sampled(predicted: Array, is_positive: np.ndarray, weight: Array) -> Array:
    """The probability that a row is positive, given that it was sampled by its label.

    Weighing rows back would let one negative that stands for hundreds decide a slice; in the sample every row counts
    once (prior correction, King & Zeng 2001, the other way round).
    """
    p = np.clip(predicted, 1e-9, 1 - 1e-9)
    if is_positive.all() or not is_positive.any():
        return p
    ratio = weight[~is_positive].mean() / weight[is_positive].mean()
    odds = p / (1 - p) * ratio
    return np.clip(odds / (1 + odds), 1e-9, 1 - 1e-9)


def _misranked(score: Array, side: np.ndarray, group: Codes) -> Array:
    """Of each row the share of its slice's rows of the other side with a higher score, ties counted half."""
    found = np.zeros(len(score))
    for which in np.unique(group):
        places = np.flatnonzero(group == which)
        others = np.sort(score[places][~side[places]])
        if len(others):
            ours = score[places]
            ranks = np.searchsorted(others, ours, "left") + np.searchsorted(others, ours, "right")
            found[places] = 1 - ranks / (2 * len(others))
    return found


def is_probability(rows: pd.DataFrame) -> bool:
    """Whether outcomes are 0 or 1 and predictions probabilities; else both are amounts."""
    return bool(rows["actual"].isin([0.0, 1.0]).all() and rows["predicted"].between(0, 1).all())
