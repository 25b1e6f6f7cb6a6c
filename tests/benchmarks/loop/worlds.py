"""Worlds to look at: real impressions of a year, households drawn anew, their weeks as they came or permuted.

A world has 26 weeks of training, four of evaluation, and weeks to check after them. Thresholds are learned and checks
are judged and decided on by the code that `aimloop` runs; the reading of marts alone is stood in for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from flows.judging import DriftRule, judge_drift, judge_performance
from flows.thresholds import IMPRESSION_WEEKS, LABELLED_ROWS, learn_with, performance_of, threshold_of
from infra.sections import Drift
from models import catalog
from models.backtest import Backtest, Window
from models.fitted import Fitted
from models.importance import importances, said
from monitoring.distances import sampled
from monitoring.trigger import Check, Decision, TriggerRule, decide

TRAINING, EVALUATION = 26, 4
MONDAY = pd.Timestamp("2017-01-02")
WEEK = pd.Timedelta(days=7)
SETTING = Drift()
SEED = 20170101
RULE = TriggerRule(
    alarms=SETTING.alarms,
    checks=SETTING.of_checks,
    cooldown_days=SETTING.cooldown_days,
    new_evidence_days=SETTING.new_evidence_days,
)
_SAID = "said_before"
OUTCOME = ("clicked", "sampling_weight", "department", _SAID)

# what was predicted of a row is a column of it: neither drawing households nor permuting weeks changes it
_remembering = SimpleNamespace(predict=lambda _, frame: frame[[_SAID]].rename(columns={_SAID: "click_probability"}))
ENTRY = replace(catalog.MODELS["ctr"], model=_remembering)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Year:
    """Impressions in whole weeks from ``MONDAY`` on, with what one version says of each, by household and week."""

    rows: pd.DataFrame
    week: np.ndarray
    household: np.ndarray
    fitted: Fitted
    shares: Mapping[str, float]

    @classmethod
    def of(cls, impressions: pd.DataFrame, fitted: Fitted) -> "Year":
        week = ((impressions["shown_at"] - MONDAY) // WEEK).to_numpy(int)
        rows = impressions[(week >= 0) & (week < week.max())].reset_index(drop=True)
        week = week[(week >= 0) & (week < week.max())]
        predicted = catalog.MODELS["ctr"].model.predict(fitted, rows)["click_probability"].to_numpy(float)
        shares = importances(catalog.MODELS["ctr"].model, fitted, rows, "click_probability", SEED)
        household = pd.factorize(rows["pseudonym"])[0]
        kept = rows[[*fitted.features, "clicked", "sampling_weight"]].assign(**{_SAID: predicted})
        texts = [name for name in fitted.features if not pd.api.types.is_numeric_dtype(kept[name])]
        return cls(kept.astype(dict.fromkeys(texts, "category")), week, household, fitted, shares)

    @property
    def weeks(self) -> int:
        return int(self.week.max()) + 1


@dataclass(frozen=True)
class World:
    """Positions of a year's rows, with the week and the household that each has here; thresholds, once learned."""

    year: Year
    position: np.ndarray
    week: np.ndarray
    household: np.ndarray
    known: dict[str, Any] = field(default_factory=dict)
    reference: pd.DataFrame = field(default_factory=pd.DataFrame)

    def between(self, first: int, end: int, most: int | None = None, columns: Sequence[str] = ()) -> pd.DataFrame:
        """Rows of some weeks, or a sample of them, dated and named as in this world; all ``columns`` or some."""
        places = np.flatnonzero((self.week >= first) & (self.week < end))
        if most is not None and len(places) > most:
            places = np.random.default_rng(SEED).choice(places, most, replace=False)
        year = self.year.rows[list(columns)] if columns else self.year.rows
        rows = year.take(self.position[places])
        shown_at = MONDAY.to_datetime64() + (self.week[places] * 7).astype("timedelta64[D]")
        dated = {"pseudonym": self.household[places], "shown_at": shown_at.astype("datetime64[us]")}
        return rows.reset_index(drop=True).assign(**dated)

    def learned(self) -> "World":
        """With the thresholds of its own first weeks."""
        past, later = self.between(0, TRAINING, LABELLED_ROWS), self.between(TRAINING, TRAINING + EVALUATION)
        features = list(self.year.fitted.features)
        reference = sampled(past, SETTING.rows, SEED)
        fitted = replace(self.year.fitted, reference=reference[features])
        origin = MONDAY + TRAINING * WEEK
        result = Backtest(fitted, None, {}, {}, Window(origin, origin + EVALUATION * WEEK), past, later)
        known = learn_with(ENTRY, self.year.shares, past, result, SETTING, SEED)
        return replace(self, known=known, reference=reference)


def draw(year: Year, seed: int, first_week: int = 0, *, permuted: bool) -> World:
    """Households drawn with replacement, each as a new one; its weeks permuted, or as they came from ``first_week``."""
    generator = np.random.default_rng(seed)
    households = int(year.household.max()) + 1
    drawn = generator.integers(0, households, households)
    order = np.argsort(year.household, kind="stable")
    starts = np.searchsorted(year.household[order], np.arange(households + 1))
    lengths = (starts[1:] - starts[:-1])[drawn]
    offsets = np.arange(lengths.sum()) - np.repeat(lengths.cumsum() - lengths, lengths)
    position = order[np.repeat(starts[:-1][drawn], lengths) + offsets]
    household = np.repeat(np.arange(households), lengths)
    week = year.week[position] - first_week
    if permuted:
        places = generator.random((households, year.weeks)).argsort(axis=1)
        week = places[household, year.week[position]]
    return World(year, position, week, household)


def judge(world: World, end: int, seen: pd.DataFrame | None = None, *, kinds: tuple[str, ...]) -> dict[str, Check]:
    """The checks made at the end of a week, of the four weeks before it (or of ``seen`` in their place)."""
    known, now = world.known, MONDAY + end * WEEK
    weeks = end - IMPRESSION_WEEKS, end
    some = sampled(world.between(*weeks, SETTING.rows) if seen is None else seen, SETTING.rows, SEED)
    features = list(world.year.fitted.features)
    made = {}
    for kind in kinds:
        if kind == "performance":
            usual = performance_of(known)
            assert usual is not None
            rows = world.between(*weeks, LABELLED_ROWS, OUTCOME) if seen is None else seen
            verdict = judge_performance(kind, _labelled(rows, known), usual, {}, resamples=0).verdict
            made[kind] = _check(now, verdict.value, verdict.threshold, usual.threshold.clear)
            continue
        threshold = threshold_of(known, kind)
        assert threshold is not None
        given: dict[str, Any] = {"threshold": threshold, "moving": tuple(known["moving"]), "max_rows": SETTING.rows}
        if kind == "data":
            rule = DriftRule(importances=known["importances"], **given)
            verdict = judge_drift(kind, some[features], world.reference[features], rule).verdict
        else:
            both = (said(ENTRY.model, world.year.fitted, part, ENTRY.says) for part in (some, world.reference))
            verdict = judge_drift(
                kind, *(part.to_frame("p") for part in both), DriftRule(importances={}, **given)
            ).verdict
        made[kind] = _check(now, verdict.value, verdict.threshold, threshold.clear)
    return made


def _labelled(rows: pd.DataFrame, known: Mapping[str, Any]) -> Any:
    # as flows.thresholds.labelled makes them; checking 2,400 times that it does would take most of the time
    return pd.DataFrame(
        {
            "pseudonym": rows["pseudonym"],
            "actual": rows["clicked"].astype(float),
            "predicted": rows[_SAID],
            "weight": rows["sampling_weight"],
            "part": rows[known["slice"]],
        }
    )


def _check(at: pd.Timestamp, value: float, alarm: float, clear: float) -> Check:
    now: datetime = at.to_pydatetime()
    return Check(checked_at=now + timedelta(hours=1), evidence_until=now, value=value, alarm=alarm, clear=clear)


def decided(history: list[dict[str, Check]]) -> dict[str, list[Decision]]:
    """What the trigger says of each judgement after every check."""
    return {
        kind: [decide([each[kind] for each in history[: n + 1]], None, RULE) for n in range(len(history))]
        for kind in (history[0] if history else {})
    }
