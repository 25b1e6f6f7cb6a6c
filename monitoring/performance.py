"""Performance on late labels: does what was predicted still come, as far as outcomes are known?

Log-loss moves with the mix of customers, whether a version is right or not. So two things are judged: the *loss* beyond
what the predictions themselves lead one to expect (the entropy of a probability p, which is the mean loss when p is
right; Spiegelhalter, "Probabilistic prediction in patient management and clinical trials", 1986), and the *ranking*:
what share of the negatives stands above a positive, which is one less the AUC. Both slice by slice: what has changed
its meaning has mostly done so somewhere. Log-loss, AUC and predicted ÷ observed are told beside it, with intervals by
customer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandera.typing.pandas import DataFrame

from infra.loop_contracts import LabelledPredictions
from models.metrics import (
    Array,
    Metric,
    Metrics,
    average,
    log_loss_rows,
    prediction_ratio,
    weighted_auc,
    with_intervals,
)
from monitoring.ordinary import OrdinaryRule, Periods, Threshold, threshold
from monitoring.verdict import Verdict

Codes = npt.NDArray[np.int64]
Pair = tuple[Array, Array]

EVERYTHING = "all"
MOST_SLICES = 20
LEAST_EVENTS = 20  # of a slice in a period, on average
RESAMPLES = 100
CONVENTION = 1.1
"""Predicted ÷ observed may lie off by this factor (as in the model cards) where no threshold was learned."""


@dataclass(frozen=True, kw_only=True)
class Ordinary:
    """How a version usually does: of each measure and slice the value where it was evaluated, and how much it varies.

    The threshold is that of the measure that is farthest above its usual value, in units of how much it varies.
    """

    slices: Mapping[str, tuple[float, float]]
    threshold: Threshold


@dataclass(frozen=True)
class Performance:
    """The verdict; log-loss (of amounts: mae), AUC and predicted ÷ observed with intervals; slices, the worst first."""

    verdict: Verdict
    metrics: Metrics
    slices: pd.Series


def learn_performance(
    past: DataFrame[LabelledPredictions],
    evaluated: DataFrame[LabelledPredictions],
    periods: Periods,
    rule: OrdinaryRule,
) -> Ordinary | None:
    """How far two ordinary periods of the training rows lie apart; None where there are too few events.

    Predictions of rows that were learned from are better than others: they tell by how much a slice varies, and the
    rows that the version was evaluated on tell where it usually lies.
    """
    slices = _slices(past, periods)
    if not slices:
        return None
    group = _group(past, slices)
    measures = _measures(past, group)
    names = [f"{measure} of {which}" for measure in measures for which in slices]
    sums = [
        [
            (_by_customer(above, group, len(slices), periods), _by_customer(below, group, len(slices), periods))
            for above, below in parts
        ]
        for parts in measures.values()
    ]
    generator = np.random.default_rng(rule.seed)
    drawn = []
    for inside, outside, times in periods.draws(rule.resamples, generator):
        runs = _runs(outside, periods.length)
        if runs:
            other = runs[int(generator.integers(0, len(runs)))]
            drawn.append([np.concatenate([_drawn(times, each, weeks) for each in sums]) for weeks in (inside, other)])
    if not drawn:
        return None
    values = np.array(drawn)  # (resamples, 2, measures and slices)
    both = values.reshape(-1, len(names))
    spread = np.maximum(both.std(axis=0), 1e-9)
    apart = ((values[:, 0] - values[:, 1]) / spread).max(axis=1)
    usual = _values(evaluated, slices).reindex(names).fillna(pd.Series(both.mean(axis=0), index=names))
    return Ordinary(
        slices={name: (float(usual[name]), float(width)) for name, width in zip(names, spread, strict=True)},
        threshold=threshold(apart, rule, periods.weeks),
    )


def judge_performance(
    name: str,
    labelled: DataFrame[LabelledPredictions],
    ordinary: Ordinary | None,
    evaluated: Mapping[str, Mapping[str, Any]],
    resamples: int = RESAMPLES,
    seed: int = 20170101,
) -> Performance:
    """Judge what came of predictions against the version's own evaluation (its ``evaluated`` metrics, as reported).

    Without learned thresholds, a ratio of predicted to observed whose whole interval lies beyond the usual by a
    factor of 1.1 fails: a convention, and the reason says so.
    """
    alarm = ordinary.threshold.alarm if ordinary else CONVENTION
    if not len(labelled) or not (labelled["actual"] > 0).any():
        return Performance(Verdict(name, True, 0.0, alarm, "no outcome is known yet"), {}, pd.Series(dtype=float))
    metrics = _metrics(labelled, resamples, seed)
    told = "; ".join(_beside(key, metric, evaluated) for key, metric in metrics.items())
    if ordinary is None:
        ratio, usual = metrics["prediction_ratio"], float(evaluated.get("prediction_ratio", {"value": 1.0})["value"])
        value = float(max(ratio.value / usual, usual / ratio.value))
        is_off = (
            ratio.low is not None
            and ratio.high is not None
            and (ratio.low > usual * CONVENTION or ratio.high < usual / CONVENTION)
        )
        reason = f"predicted ÷ observed off by a factor of {value:.2f}, {CONVENTION:g} is a convention; {told}"
        return Performance(Verdict(name, not is_off, value, alarm, reason), metrics, pd.Series(dtype=float))
    slices = list(dict.fromkeys(which.split(" of ", 1)[1] for which in ordinary.slices))
    found = _values(labelled, slices).reindex(list(ordinary.slices))
    usual_of, width = (pd.Series({k: v[i] for k, v in ordinary.slices.items()}) for i in (0, 1))
    scores = ((found - usual_of) / width).dropna().sort_values(ascending=False, kind="stable")
    if scores.empty:
        return Performance(Verdict(name, True, 0.0, alarm, f"too few outcomes are known yet; {told}"), metrics, scores)
    value, worst = float(scores.iloc[0]), str(scores.index[0])
    reason = (
        f"{worst}: {found[worst]:.2f}, usually {usual_of[worst]:.2f}, which is {value:.1f} times what it varies by "
        f"(ordinary up to {alarm:.1f}); {told}"
    )
    return Performance(Verdict(name, value < alarm, value, alarm, reason), metrics, scores)


def _group(rows: pd.DataFrame, slices: list[str]) -> Codes:
    """Of each row the position of its slice; 0, which is everything, for those of no slice of their own."""
    return np.asarray(pd.Categorical(rows["part"], categories=slices[1:]).codes, dtype=np.int64) + 1


def _measures(rows: pd.DataFrame, group: Codes) -> dict[str, list[Pair]]:
    """By measure a pair of columns: the sum of the first over that of the second is its value; smaller is better.

    Of probabilities the loss beyond the expected one over the expected one, and the share of negatives (of the same
    slice) above a positive; of amounts the absolute error over the prediction. Further pairs have the same value, and
    vary with other rows: a ranking varies with its positives and its negatives alike (Obuchowski 1997).
    """
    actual, predicted, weight = (rows[column].to_numpy(float) for column in ("actual", "predicted", "weight"))
    if not _is_probability(rows):
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


def _is_probability(rows: pd.DataFrame) -> bool:
    return bool(rows["actual"].isin([0.0, 1.0]).all() and rows["predicted"].between(0, 1).all())


def _slices(past: pd.DataFrame, periods: Periods) -> list[str]:
    """Everything, and the slices with most events, of those that have enough in a period (and enough without one)."""
    is_event = past["actual"] > 0
    a_period = periods.length / max(periods.weeks, 1)
    if is_event.sum() * a_period < LEAST_EVENTS:
        return []
    sizes = past["part"][is_event].value_counts() * a_period
    others = past["part"][~is_event].value_counts().reindex(sizes.index, fill_value=0) * a_period
    enough = (sizes >= LEAST_EVENTS) & ((others >= LEAST_EVENTS) | (not _is_probability(past)))
    return [EVERYTHING, *(str(level) for level in sizes[enough].index[:MOST_SLICES])]


def _values(rows: pd.DataFrame, slices: list[str]) -> pd.Series:
    """Of each measure and slice; missing where the slice has fewer than half the events that it needs."""
    group = _group(rows, slices)
    events = _sums((rows["actual"].to_numpy(float) > 0).astype(float), group, len(slices))
    found: dict[str, float] = {}
    for measure, parts in _measures(rows, group).items():
        above, below = (_sums(part, group, len(slices)) for part in parts[0])
        value = np.where(events >= LEAST_EVENTS / 2, above / np.where(below > 0, below, np.nan), np.nan)
        found |= {f"{measure} of {which}": each for which, each in zip(slices, value, strict=True)}
    return pd.Series(found, dtype=float)


def _sums(values: Array, group: Codes, slices: int) -> Array:
    """By slice, the first of which holds all rows."""
    sums = np.bincount(group, values, slices)
    sums[0] = values.sum()
    return np.asarray(sums)


def _by_customer(values: Array, group: Codes, slices: int, periods: Periods) -> Array:
    """(weeks + 1, customers, slices) sums up to each week, so that those of adjacent ones are a difference.

    The first slice holds all rows.
    """
    customers = int(periods.customer.max()) + 1
    shape = (periods.weeks, customers, slices)
    cell = (periods.week * customers + periods.customer) * slices
    sums = np.bincount(cell, values, int(np.prod(shape)))
    is_sliced = group > 0
    sums += np.bincount((cell + group)[is_sliced], values[is_sliced], int(np.prod(shape)))
    return np.concatenate([np.zeros((1, *shape[1:])), sums.reshape(shape).cumsum(axis=0)])


def _drawn(times: Array, parts: list[Pair], weeks: np.ndarray) -> Array:
    """A measure of each slice over adjacent weeks, with customers as often as they were drawn.

    Where it has several pairs, what each of them deviates by from its value over all weeks adds up.
    """
    found = np.zeros(parts[0][0].shape[-1])
    for place, pair in enumerate(parts):
        above, below = (times @ (part[weeks[-1] + 1] - part[weeks[0]]) for part in pair)
        found += above / np.maximum(below, 1e-12)
        if place:
            above, below = (part[-1].sum(axis=0) for part in pair)
            found -= above / np.maximum(below, 1e-12)
    return found


def _runs(weeks: np.ndarray, length: int) -> list[np.ndarray]:
    """Every run of so many adjacent weeks."""
    return [weeks[i : i + length] for i in range(len(weeks) - length + 1) if weeks[i + length - 1] - weeks[i] < length]


def _metrics(rows: pd.DataFrame, resamples: int, seed: int) -> Metrics:
    actual, predicted = rows["actual"].to_numpy(float), rows["predicted"].to_numpy(float)
    figures = {"prediction_ratio": prediction_ratio(actual, predicted)}
    if _is_probability(rows):
        figures["log_loss"] = average(log_loss_rows(actual > 0, predicted))
        if not (actual > 0).all():
            figures["auc"] = weighted_auc(actual > 0, predicted)
    else:
        figures["mae"] = average(np.abs(actual - predicted))
    return with_intervals(figures, rows["pseudonym"], rows["weight"].to_numpy(float), resamples, seed)


def _beside(key: str, metric: Metric, evaluated: Mapping[str, Mapping[str, Any]]) -> str:
    span = f" ({metric.low:.3g} to {metric.high:.3g})" if metric.low is not None and metric.high is not None else ""
    then = f", {evaluated[key]['value']:.3g} when evaluated" if key in evaluated else ""
    return f"{key} {metric.value:.3g}{span}{then}"
