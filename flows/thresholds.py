"""Thresholds: what is ordinary for a new version, learned from its own training rows and kept in its report."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd
from pandera.typing.pandas import DataFrame

from infra.loop_contracts import LabelledPredictions
from infra.sections import Drift
from infra.warehouse import checked
from models.backtest import Backtest
from models.catalog import Entry
from models.fitted import Fitted
from models.importance import importances, said
from monitoring.distances import Binned, prepared, sampled
from monitoring.ordinary import OrdinaryRule, Periods, Threshold, learn_distances, moving
from monitoring.performance import Ordinary, learn_performance
from monitoring.segments import learn_migration

WEEK = pd.Timedelta(days=7)
IMPRESSION_WEEKS = 4  # what happens at any time is looked at four weeks at a time; snapshots one by one
MOST_DAYS = 182
PREDICTION = "prediction"
POOL_ROWS = 30_000
LABELLED_ROWS = 100_000
MONDAY = pd.Timestamp("1970-01-05")


def learn(entry: Entry, examples: pd.DataFrame, result: Backtest, setting: Drift, seed: int) -> dict[str, Any]:
    """For the report of a version: importances, features that move with the calendar, and thresholds by judgement.

    Where there are too few weeks, ``why_none`` says so and there are no thresholds.
    """
    shares = importances(entry.model, result.fitted, result.past, entry.says, seed)
    return learn_with(entry, shares, examples, result, setting, seed)


def learn_with(
    entry: Entry, shares: Mapping[str, float], examples: pd.DataFrame, result: Backtest, setting: Drift, seed: int
) -> dict[str, Any]:
    """The same, importances known."""
    rule, fitted = rule_of(setting, seed), result.fitted
    part = slice_of(fitted.reference, shares)
    known: dict[str, Any] = {"importances": dict(shares)} | ({"slice": part} if part else {})  # BentoML takes no None
    ordinary = _ordinary_rows(entry, examples, result)
    pool = sampled(ordinary, POOL_ROWS, seed)
    periods = _periods(entry, pool, result)
    known["weeks"] = periods.weeks
    if periods.too_few:
        return known | {"why_none": periods.too_few}
    columns = [name for name in map(str, fitted.reference) if fitted.reference[name].notna().any() and name in pool]
    frame, _ = prepared(pool[columns], fitted.reference[columns], columns)
    binned = Binned(frame.assign(**{PREDICTION: said(entry.model, fitted, pool, entry.says).reset_index(drop=True)}))
    known["moving"] = [name for name in moving(binned, periods) if name != PREDICTION]
    weights = {name: shares.get(name, 0.0) for name in columns if name not in known["moving"]}
    statistics: dict[str, Mapping[str, float]] = {"prediction": {PREDICTION: 1.0}}
    if (total := sum(weights.values())) > 0:
        statistics["data"] = {name: share / total for name, share in weights.items()}
    known |= {name: asdict(each) for name, each in learn_distances(binned, periods, statistics, rule).items()}
    if entry.outcome is not None and (usual := _learn_performance(entry, result, part, rule)) is not None:
        slices = {name: list(each) for name, each in usual.slices.items()}
        known["performance"] = asdict(usual) | {"slices": slices}
    if entry.says == "segment" and (migration := _learn_migration(entry, ordinary, result, rule)) is not None:
        known["migration"] = asdict(migration)
    return known


def rule_of(setting: Drift, seed: int) -> OrdinaryRule:
    return OrdinaryRule(
        false_alarms=setting.false_alarm_rate,
        alarms=setting.alarms,
        resamples=setting.resamples,
        rows=setting.rows,
        seed=seed,
    )


def threshold_of(known: Mapping[str, Any], judgement: str) -> Threshold | None:
    """What a version's report holds of it; None for versions without."""
    return Threshold(**known[judgement]) if judgement in known else None


def performance_of(known: Mapping[str, Any]) -> Ordinary | None:
    if "performance" not in known:
        return None
    slices = {name: (float(usual), float(width)) for name, (usual, width) in known["performance"]["slices"].items()}
    return Ordinary(slices=slices, threshold=Threshold(**known["performance"]["threshold"]))


def slice_of(reference: pd.DataFrame, shares: Mapping[str, float]) -> str | None:
    """The category that predictions depend on most: outcomes are looked at by it."""
    texts = {
        str(name): shares.get(str(name), 0.0)
        for name in reference
        if not pd.api.types.is_numeric_dtype(reference[name])
    }
    most = max(texts, key=lambda name: texts[name], default=None)
    return most if most is not None and texts[most] > 0 else None


def labelled(entry: Entry, fitted: Fitted, frame: pd.DataFrame, part: str | None) -> DataFrame[LabelledPredictions]:
    """What a version says of rows beside what came of them; rows that it says nothing of are left out."""
    assert entry.outcome is not None
    rows = frame[["pseudonym"]].assign(
        actual=frame[entry.outcome].astype(float),
        predicted=entry.model.predict(fitted, frame)[entry.says].astype(float),
        weight=frame.get("sampling_weight", 1.0),
        part=frame[part].astype(object) if part in frame else None,
    )
    return checked(LabelledPredictions, rows[rows["predicted"].notna()], "labelled predictions")


def is_impressions(entry: Entry) -> bool:
    """Rows of any time, rather than of snapshots."""
    return entry.happens != "snapshot_at"


def _ordinary_rows(entry: Entry, examples: pd.DataFrame, result: Backtest) -> pd.DataFrame:
    """The rows learned from; of models that take some snapshots alone, all snapshots of that time."""
    if is_impressions(entry):
        return result.past
    last = result.past[entry.happens].max()
    first = min(result.past[entry.happens].min(), last - pd.Timedelta(days=MOST_DAYS))
    return examples[examples[entry.happens].between(first, last)]


def _weeks(entry: Entry, frame: pd.DataFrame) -> pd.Series:
    return (frame[entry.happens] - MONDAY) // WEEK


def _periods(entry: Entry, frame: pd.DataFrame, result: Backtest) -> Periods:
    """The first check lies as far behind the reference as the evaluated window's end behind its origin, labels waited
    for included: ordinary periods do as well.
    """
    if is_impressions(entry):
        return Periods.of(_weeks(entry, frame), frame["pseudonym"], IMPRESSION_WEEKS)
    gap = int((result.window.end - result.past[entry.happens].max()) / WEEK)
    return Periods.of(_weeks(entry, frame), frame["pseudonym"], 1, gap)


def _learn_performance(entry: Entry, result: Backtest, part: str | None, rule: OrdinaryRule) -> Ordinary | None:
    past = sampled(result.past, LABELLED_ROWS, rule.seed)
    said_of_past = labelled(entry, result.fitted, past, part)
    kept = past.loc[said_of_past.index]
    periods = Periods.of(_weeks(entry, kept), kept["pseudonym"], IMPRESSION_WEEKS if is_impressions(entry) else 1)
    if periods.too_few:
        return None
    return learn_performance(
        said_of_past,
        labelled(entry, result.fitted, sampled(result.later, LABELLED_ROWS, rule.seed), part),
        periods,
        rule,
    )


def _learn_migration(entry: Entry, ordinary: pd.DataFrame, result: Backtest, rule: OrdinaryRule) -> Threshold | None:
    segment = said(entry.model, result.fitted, ordinary, entry.says)
    rows = ordinary[["pseudonym", entry.happens]].assign(segment=segment.to_numpy())
    return learn_migration(
        rows.pivot_table(index="pseudonym", columns=entry.happens, values="segment", aggfunc="first"), rule
    )
