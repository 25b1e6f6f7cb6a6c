"""Are probabilities what they say? Checked in bins, and repaired on time later than training.

The repair is Platt's slope in log-odds, fitted on earlier windows and kept only where it would have helped on windows
it was not fitted on (Platt, "Probabilistic Outputs for Support Vector Machines", 1999). His intercept is not carried
over: how often something happens differs from one window to the next, how sure a model is of itself much less (decision
0024).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from models.metrics import Array, Figure, log_loss

NEWTON_STEPS = 12


@dataclass(frozen=True)
class Repair:
    """Log-odds are ``slope`` times as far from those of the base rate, their ``pivot``; by default they stay."""

    slope: float = 1.0

    def __call__(self, log_odds: Array, pivot: float) -> Array:
        return pivot + self.slope * (log_odds - pivot)


@dataclass(frozen=True)
class Judged:
    """Rows that a model did not learn from: labels (0/1), its log-odds and the rows' weights; ``pivot`` is the
    log-odds of the base rate in training.
    """

    label: np.ndarray
    log_odds: Array
    weight: Array
    pivot: float

    def loss(self, repair: Repair) -> float:
        """Mean negative log-likelihood after the repair, in nats."""
        return log_loss(self.label, expit(repair(self.log_odds, self.pivot)))(self.weight)


def refined_loss(judged: Judged) -> float:
    """The log-loss that is left after the best line through these very log-odds, in nats.

    It judges how well rows are told apart, whatever level the window happened to have: choices made on it do not
    answer for calibration, which is repaired afterwards (the refinement part of Bröcker, "Reliability, sufficiency,
    and the decomposition of proper scores", 2009). The two coefficients take a few Newton steps. A line that falls
    is no repair: what ranks rows the wrong way round is left with the base rate.
    """
    x, weight = judged.log_odds, judged.weight / judged.weight.sum()
    coefficients = np.array([0.0, 1.0])
    for _ in range(NEWTON_STEPS):
        p = expit(coefficients[0] + coefficients[1] * x)
        slack, curve = weight * (judged.label - p), weight * p * (1 - p)
        gradient = np.array([slack.sum(), slack @ x])
        curvature = np.array([[curve.sum(), curve @ x], [curve @ x, curve @ x**2]]) + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient).clip(-1, 1)
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-4:
            break
    if coefficients[1] < 0:
        base = (weight @ judged.label).clip(1e-9, 1 - 1e-9)
        coefficients = np.array([np.log(base / (1 - base)), 0.0])
    line = coefficients[0] + coefficients[1] * x
    return min(log_loss(judged.label, expit(line))(judged.weight), judged.loss(Repair()))


def choose_repair(windows: Sequence[Judged]) -> Repair:
    """The slope fitted on all windows, if windows are on average better off with the one fitted on those before.

    With fewer than two windows there is nothing to tell by: no repair.
    """
    if len(windows) < 2:
        return Repair()
    gains = [
        window.loss(Repair()) - window.loss(_fit(windows[:position]))
        for position, window in enumerate(windows)
        if position
    ]
    return _fit(windows) if np.mean(gains) > 0 else Repair()


def _fit(windows: Sequence[Judged]) -> Repair:
    """One rising slope, and a level of its own for each window, which is not kept."""
    label = np.concatenate([window.label for window in windows])
    centred = np.concatenate([window.log_odds - window.pivot for window in windows])
    weight = np.concatenate([window.weight / window.weight.sum() for window in windows])
    if label.all() or not label.any():
        return Repair()
    which = np.repeat(np.arange(len(windows)), [len(window.label) for window in windows])
    columns = np.column_stack([centred, which[:, None] == np.arange(len(windows))])
    line = LogisticRegression(C=np.inf, fit_intercept=False).fit(columns, label, weight / weight.mean())
    slope = float(line.coef_[0, 0])
    return Repair(slope) if slope > 0 else Repair()  # a falling line would turn the ranking round


def worst_bin(label: np.ndarray, probability: Array, bins: int = 10) -> Figure:
    """How far mean prediction and observed rate are apart in the worst of ten bins by probability, as a share of
    the observed; each bin holds as much weight of positives (rare positives would leave bins of equal rows empty).
    NaN without positives.
    """
    order = np.argsort(probability, kind="stable")
    y, p = np.asarray(label, dtype=float)[order], probability[order]

    def deviation(weight: npt.ArrayLike) -> float:
        w = np.asarray(weight, dtype=float)[order]
        reached = np.cumsum(w * y)
        if not reached[-1] > 0:
            return float("nan")
        bin_of = np.minimum((bins * (reached - w * y) / reached[-1]).astype(int), bins - 1)
        return _worst(bin_of, w * p, w * y)

    return deviation


def worst_week(shown_at: pd.Series, label: np.ndarray, probability: Array) -> Figure:
    """The same by weeks of 7 days from the day of the first row on; a last week of fewer days joins the one before."""
    day = ((shown_at.dt.floor("D") - shown_at.min().floor("D")) // pd.Timedelta(days=1)).to_numpy()
    week = np.minimum(day // 7, max((day.max() + 1) // 7 - 1, 0))
    y = np.asarray(label, dtype=float)
    return lambda weight: _worst(week, np.asarray(weight) * probability, np.asarray(weight) * y)


def _worst(group: np.ndarray, predicted: Array, observed: Array) -> float:
    came = np.bincount(group, observed)
    if not came.any():
        return float("nan")
    return float(np.max(np.abs(np.bincount(group, predicted)[came > 0] / came[came > 0] - 1)))
