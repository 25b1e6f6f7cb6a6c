"""Performance on late labels: does what was predicted still come, as far as outcomes are known?

Log-loss moves with the mix of customers, whether a version is right or not. So what is judged is the loss beyond what
the predictions themselves lead one to expect (the entropy of a probability p, which is the mean loss when p is right;
Spiegelhalter, "Probabilistic prediction in patient management and clinical trials", 1986), and it is judged slice by
slice: what has changed its meaning has mostly done so somewhere. Log-loss, AUC and predicted ÷ observed are told beside
it, with intervals by customer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame

from infra.loop_contracts import LabelledPredictions
from models.metrics import Array, Metric, Metrics, average, log_loss_rows, prediction_ratio, weighted_auc, with_intervals
from monitoring.ordinary import OrdinaryRule, Periods, Threshold, threshold
from monitoring.verdict import Verdict

EVERYTHING = "all"
MOST_SLICES = 20
LEAST_EVENTS = 20  # of a slice in a period, on average
RESAMPLES = 100
CONVENTION = 1.1
"""Predicted ÷ observed may lie off by this factor (as in the model cards) where no threshold was learned."""


@dataclass(frozen=True, kw_only=True)
class Ordinary:
    """How a version's excess loss usually varies: of each slice where it was evaluated, and by how much it varies.

    The threshold is that of the largest excess over its usual one, in units of how much it varies.
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
    """How far two ordinary periods of the training rows lie apart; None where no slice has enough events.

    Predictions of rows that were learned from are better than others: they tell by how much a slice varies, and the
    rows that the version was evaluated on tell where it usually lies.
    """
    names = _slices(past, periods)
    if not names:
        return None
    excess, expected = (_by_customer(part, past, names, periods) for part in _parts(past))
    generator = np.random.default_rng(rule.seed)
    drawn = []
    for inside, outside, times in periods.draws(rule.resamples, generator):
        runs = _runs(outside, periods.length)
        if not runs:
            continue
        other = runs[int(generator.integers(0, len(runs)))]
        drawn.append([_ratio(times, excess, expected, weeks) for weeks in (inside, other)])
    values = np.array(drawn)  # (resamples, 2, slices)
    spread = np.maximum(values.reshape(-1, len(names)).std(axis=0), 1e-9)
    apart = ((values[:, 0] - values[:, 1]) / spread).max(axis=1)
    usual = _excess(evaluated, names).fillna(pd.Series(values.reshape(-1, len(names)).mean(axis=0), index=names))
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
        is_off = ratio.low is not None and ratio.high is not None and (
            ratio.low > usual * CONVENTION or ratio.high < usual / CONVENTION
        )
        reason = f"predicted ÷ observed off by a factor of {value:.2f}, {CONVENTION:g} is a convention; {told}"
        return Performance(Verdict(name, not is_off, value, alarm, reason), metrics, pd.Series(dtype=float))
    found = _excess(labelled, list(ordinary.slices))
    usual_of, width = (pd.Series({k: v[i] for k, v in ordinary.slices.items()}) for i in (0, 1))
    scores = ((found - usual_of) / width).dropna().sort_values(ascending=False, kind="stable")
    if scores.empty:
        return Performance(Verdict(name, True, 0.0, alarm, f"too few outcomes are known yet; {told}"), metrics, scores)
    value, worst = float(scores.iloc[0]), str(scores.index[0])
    reason = (
        f"loss beyond the expected: {worst} {found[worst]:+.0%}, usually {usual_of[worst]:+.0%}, "
        f"which is {value:.1f} times what it varies by (ordinary up to {alarm:.1f}); {told}"
    )
    return Performance(Verdict(name, value < alarm, value, alarm, reason), metrics, scores)


def _parts(rows: pd.DataFrame) -> tuple[Array, Array]:
    """Of each row the weighted loss beyond the expected one, and the expected one.

    Of probabilities log-loss and entropy; of amounts the absolute error and the prediction.
    """
    actual, predicted, weight = (rows[column].to_numpy(float) for column in ("actual", "predicted", "weight"))
    if not _is_probability(rows):
        return weight * np.abs(actual - predicted), weight * np.maximum(predicted, 1e-9)
    p = np.clip(predicted, 1e-12, 1 - 1e-12)
    entropy = -(p * np.log(p) + (1 - p) * np.log1p(-p))
    return weight * (log_loss_rows(actual > 0, p) - entropy), weight * entropy


def _is_probability(rows: pd.DataFrame) -> bool:
    return bool(rows["actual"].isin([0.0, 1.0]).all() and rows["predicted"].between(0, 1).all())


def _slices(past: pd.DataFrame, periods: Periods) -> list[str]:
    """Everything, and the largest slices that have enough events in a period."""
    events = past[past["actual"] > 0]
    a_period = periods.length / max(periods.weeks, 1)
    if len(events) * a_period < LEAST_EVENTS:
        return []
    sizes = events["part"].value_counts() * a_period
    return [EVERYTHING, *(str(level) for level in sizes[sizes >= LEAST_EVENTS].index[:MOST_SLICES])]


def _excess(rows: pd.DataFrame, names: list[str]) -> pd.Series:
    """Σ excess ÷ Σ expected of each slice; missing where it has fewer than half the events that it needs."""
    excess, expected = _parts(rows)
    frame = pd.DataFrame({"excess": excess, "expected": expected, "events": (rows["actual"] > 0).to_numpy(float)})
    sums = frame.groupby(rows["part"].astype(object).to_numpy()).sum()
    sums.loc[EVERYTHING] = frame.sum()
    sums = sums.reindex(names)
    return (sums["excess"] / sums["expected"]).where(sums["events"] >= LEAST_EVENTS / 2)


def _by_customer(values: Array, rows: pd.DataFrame, names: list[str], periods: Periods) -> Array:
    """(customers, weeks, slices) sums; the first slice holds all rows."""
    customers = int(periods.customer.max()) + 1
    shape = (customers, periods.weeks, len(names))
    slices = pd.Categorical(rows["part"].astype(object), categories=names[1:]).codes.astype(np.int64) + 1
    cell = (periods.customer * periods.weeks + periods.week) * len(names)
    sums = np.bincount(cell, values, int(np.prod(shape)))
    is_sliced = slices > 0
    sums += np.bincount((cell + slices)[is_sliced], values[is_sliced], int(np.prod(shape)))
    return sums.reshape(shape)


def _ratio(times: Array, excess: Array, expected: Array, weeks: np.ndarray) -> Array:
    """Of each slice, with customers as often as they were drawn."""
    above, below = (np.tensordot(times, part[:, weeks], axes=1).sum(axis=0) for part in (excess, expected))
    return np.asarray(above / np.maximum(below, 1e-12))


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
