"""Performance on late labels: does what was predicted still come, as far as outcomes are known?

Log-loss moves with the mix of customers, whether a version is right or not. So two things are judged, slice by slice,
since what has changed its meaning has mostly done so somewhere (`measures`): the loss beyond what the predictions
themselves lead one to expect, and the ranking. Neither sees outcomes that stay away: too high predictions of rare
events lose little and rank as before. So a version fails as well where far fewer come than it predicted (`shortfall`).
Log-loss, AUC and predicted ÷ observed are told beside it, with intervals by customer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
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
from monitoring.measures import Codes, Pair, group_of, is_probability, measures_of
from monitoring.ordinary import OrdinaryRule, Periods, Threshold, threshold
from monitoring.shortfall import worst_shortfall
from monitoring.verdict import Verdict

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
    """The verdict; log-loss (of amounts: mae), AUC and predicted ÷ observed with intervals; slices, the worst first.

    ``why_not``: why nothing can be said yet, so that the verdict, which passes, is no sign of quiet either.
    """

    verdict: Verdict
    metrics: Metrics
    slices: pd.Series
    why_not: str | None = None


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
    group = group_of(past, slices)
    measures = measures_of(past, group)
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
    factor of 1.1 fails: a convention, and the reason says so. Far fewer outcomes than predicted fail either way, and
    then the value is the alarm's times how far below what may be they surely lie.
    """
    alarm = ordinary.threshold.alarm if ordinary else CONVENTION
    none = pd.Series(dtype=float)
    if not len(labelled):
        return _unknown(name, alarm, "no outcome is known yet", {})
    usual = float(evaluated.get("prediction_ratio", {"value": 1.0})["value"])
    slices = list(dict.fromkeys(which.split(" of ", 1)[1] for which in ordinary.slices)) if ordinary else [EVERYTHING]
    group = group_of(labelled, slices)
    short = worst_shortfall(labelled, usual, group, slices, is_event=is_probability(labelled))
    metrics = _metrics(labelled, resamples, seed)
    told = "; ".join(_beside(key, metric, evaluated) for key, metric in metrics.items())
    if not (labelled["actual"] > 0).any():
        told += "; without an outcome AUC and predicted ÷ observed are undefined"
        scores = none
    elif ordinary is None:
        value, is_off = _off_by(metrics["prediction_ratio"], usual)
        reason = f"predicted ÷ observed off by a factor of {value:.2f}, {CONVENTION:g} is a convention; {told}"
        return Performance(Verdict(name, not is_off, value, alarm, reason), metrics, none)
    else:
        found = _values(labelled, slices).reindex(list(ordinary.slices))
        usual_of, width = (pd.Series({k: v[i] for k, v in ordinary.slices.items()}) for i in (0, 1))
        scores = ((found - usual_of) / width).dropna().sort_values(ascending=False, kind="stable")
    worst = float(scores.iloc[0]) if len(scores) else 0.0
    if short.is_sure:
        verdict = Verdict(name, False, max(worst, alarm * short.times), alarm, f"{short.words()}; {told}")
        return Performance(verdict, metrics, scores)
    if scores.empty:
        few = f"too few outcomes are known yet: {short.observed:,.0f} where {short.expected:,.0f} were predicted"
        return _unknown(name, alarm, f"{few}; {told}", metrics)
    which = str(scores.index[0])
    reason = (
        f"{which}: {found[which]:.2f}, usually {usual_of[which]:.2f}: {worst:+.1f} standard deviations "
        f"(ordinary up to {alarm:.1f}); {told}"
    )
    return Performance(Verdict(name, worst < alarm, worst, alarm, reason), metrics, scores)


def _unknown(name: str, alarm: float, why: str, metrics: Metrics) -> Performance:
    return Performance(Verdict(name, True, 0.0, alarm, why), metrics, pd.Series(dtype=float), why.split(";")[0])


def _off_by(ratio: Metric, usual: float) -> tuple[float, bool]:
    """The factor between predicted ÷ observed and the usual, and whether it surely lies beyond the convention."""
    if ratio.low is None or ratio.high is None:
        is_off = False
    else:
        is_off = ratio.low > usual * CONVENTION or ratio.high < usual / CONVENTION
    return float(max(ratio.value / usual, usual / ratio.value)), is_off


def _slices(past: pd.DataFrame, periods: Periods) -> list[str]:
    """Everything, and the slices with most events, of those that have enough in a period (and enough without one)."""
    is_event = past["actual"] > 0
    a_period = periods.length / max(periods.weeks, 1)
    if is_event.sum() * a_period < LEAST_EVENTS:
        return []
    sizes = past["part"][is_event].value_counts() * a_period
    others = past["part"][~is_event].value_counts().reindex(sizes.index, fill_value=0) * a_period
    enough = (sizes >= LEAST_EVENTS) & ((others >= LEAST_EVENTS) | (not is_probability(past)))
    return [EVERYTHING, *(str(level) for level in sizes[enough].index[:MOST_SLICES])]


def _values(rows: pd.DataFrame, slices: list[str]) -> pd.Series:
    """Of each measure and slice; missing where the slice has fewer than half the events that it needs."""
    group = group_of(rows, slices)
    events = _sums((rows["actual"].to_numpy(float) > 0).astype(float), group, len(slices))
    found: dict[str, float] = {}
    for measure, parts in measures_of(rows, group).items():
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
    has_any = bool((actual > 0).any())
    figures = {"prediction_ratio": prediction_ratio(actual, predicted)} if has_any else {}
    if is_probability(rows):
        figures["log_loss"] = average(log_loss_rows(actual > 0, predicted))
        if has_any and not (actual > 0).all():
            figures["auc"] = weighted_auc(actual > 0, predicted)
    else:
        figures["mae"] = average(np.abs(actual - predicted))
    return with_intervals(figures, rows["pseudonym"], rows["weight"].to_numpy(float), resamples, seed)


def _beside(key: str, metric: Metric, evaluated: Mapping[str, Mapping[str, Any]]) -> str:
    span = f" ({metric.low:.3g} to {metric.high:.3g})" if metric.low is not None and metric.high is not None else ""
    then = f", {evaluated[key]['value']:.3g} when evaluated" if key in evaluated else ""
    return f"{key} {metric.value:.3g}{span}{then}"
