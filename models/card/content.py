"""What a card says, as plain values: the page shows it, the terminal shows it, programs read it as JSON."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from models.backtest import Backtest
from models.card.bins import Bin, calibration_bins, decile_bins
from models.card.gain import Gain, gain
from models.card.phrases import column_in_words
from models.card.resampling import ratio
from models.card.segments import Elbow, Segment, elbow, segment_table
from models.card.slices import Slice, is_amount, score, slices, with_attributes
from models.card.training import HazardRatio, Tuning, hazard_ratios, known_of_people, plain_notes, tuning
from models.card.words import Words, told
from models.fitted import Fitted
from models.metrics import Metric, Metrics


@runtime_checkable
class GivesOutcomes(Protocol):
    """A model that can say what it predicted and what came.

    One row a row of ``later``: pseudonym, snapshot_at, actual (0 or 1, or an amount), predicted, weight; perhaps
    ``baseline``, the baseline's prediction; of amounts ``low`` and ``high``, the row's own interval.
    """

    def outcomes(self, fitted: Fitted, later: pd.DataFrame) -> pd.DataFrame: ...


@runtime_checkable
class GivesDrivers(Protocol):
    """A model that can say what moves it: driver (in words), share (0 to 1), direction; the strongest first."""

    def drivers(self, fitted: Fitted, later: pd.DataFrame) -> pd.DataFrame: ...


@runtime_checkable
class GivesSegments(Protocol):
    """A model that groups: a row a customer with ``segment``, numbers that describe it, perhaps ``strategy``."""

    def members(self, fitted: Fitted, later: pd.DataFrame) -> pd.DataFrame: ...


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What only the door knows of a version. ``standing`` is as of ``written_at``; times are texts, UTC."""

    tag: str
    model: str
    standing: str
    written_at: str
    as_of: str
    headline: str
    baseline: str
    git_commit: str
    environment: dict[str, str]
    parameters: dict[str, Any]
    comparison: dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """Who is in a frame; ``base_rate`` is the weighted mean of the label, where there is one."""

    rows: int
    customers: int
    since: str
    until: str
    base_rate: float | None = None
    fingerprint: str | None = None


@dataclass(frozen=True)
class MetricLine:
    """A metric on the reported window, its baseline, and the metric on earlier windows by their origin."""

    name: str
    metric: Metric
    baseline: Metric | None
    champion: float | None
    earlier: dict[str, float]


@dataclass(frozen=True)
class Driver:
    """What moves predictions; ``share`` of all importance, and which way more of it moves them."""

    driver: str
    share: float
    direction: str


@dataclass(frozen=True)
class Card:
    """All of it. Parts that a model does not give are empty; ``ratio`` is all that was predicted over what came.

    Rows of until ``evaluated_until`` were judged by what came until ``outcomes_until``; ``left_out`` counts those in
    whose figures a number is not finite. ``columns`` are the words for what segments are described by.
    """

    facts: Facts
    words: Words
    origin: str
    evaluated_until: str
    outcomes_until: str
    left_out: int
    known_of_people: tuple[str, ...]
    trained_on: Rows
    evaluated_on: Rows
    metrics: tuple[MetricLine, ...]
    is_amount: bool
    ratio: Metric | None
    bins: tuple[Bin, ...]
    gain: Gain | None
    slices: tuple[Slice, ...]
    overall: float | None
    drivers: tuple[Driver, ...]
    hazard_ratios: tuple[HazardRatio, ...]
    segments: tuple[Segment, ...]
    columns: dict[str, str]
    elbow: Elbow | None
    tuning: Tuning | None
    notes: dict[str, Any]

    @property
    def gaps(self) -> tuple[Slice, ...]:
        return tuple(found for found in self.slices if found.verdict == "gap")

    @property
    def judged(self) -> tuple[Slice, ...]:
        return tuple(found for found in self.slices if found.is_judged)


MAX_DRIVERS = 15
MIN_SHARE = 0.005  # of a driver that is shown


def describe(
    facts: Facts, words: Words, model: object, result: Backtest, past: pd.DataFrame, known: pd.DataFrame
) -> Card:
    """The card of a version.

    ``past`` are its training rows, ``known`` the attributes of customers at the snapshots of the evaluated rows
    (see ``slices.with_attributes``).
    """
    fitted, later = result.fitted, result.later
    trained_on = _trained_on(past, words)
    numbers = {"horizon_days": getattr(model, "HORIZON_DAYS", None), "period_days": getattr(model, "PERIOD_DAYS", None)}
    numbers |= facts.parameters
    words = told(words, numbers, trained_on.base_rate)
    given = model.outcomes(fitted, later) if isinstance(model, GivesOutcomes) else None
    outcomes = None if given is None else given[_is_finite(given)]
    if outcomes is not None and outcomes.empty:
        outcomes = None
    has_both = outcomes is not None and outcomes["actual"].nunique() > 1
    overall = score(outcomes) if outcomes is not None and has_both else None
    bins: tuple[Bin, ...] = ()
    if outcomes is not None:
        bins = decile_bins(outcomes) if is_amount(outcomes) else calibration_bins(outcomes)
    sliced = slices(with_attributes(outcomes, known), overall) if outcomes is not None and overall is not None else ()
    evaluated_on = _evaluated_on(later, outcomes)
    came_to_something = has_both and (evaluated_on.base_rate or 0) > 0
    segments = segment_table(model.members(fitted, later)) if isinstance(model, GivesSegments) else ()
    return Card(
        facts=facts,
        words=words,
        origin=f"{result.window.origin:%Y-%m-%d}",
        evaluated_until=evaluated_on.until,
        outcomes_until=_outcomes_until(result),
        left_out=0 if given is None else len(given) - (0 if outcomes is None else len(outcomes)),
        known_of_people=known_of_people(fitted.features, past),
        trained_on=trained_on,
        evaluated_on=evaluated_on,
        metrics=_metric_lines(result.metrics, result.earlier, facts),
        is_amount=outcomes is not None and is_amount(outcomes),
        ratio=_ratio(outcomes, result.metrics) if outcomes is not None and came_to_something else None,
        bins=bins,
        gain=_gain(outcomes, result.metrics) if outcomes is not None and came_to_something else None,
        slices=sliced,
        overall=overall,
        drivers=_drivers(model, fitted, later),
        hazard_ratios=hazard_ratios(fitted.notes),
        segments=segments,
        columns={name: column_in_words(name, numbers) for segment in segments for name in segment.means},
        elbow=elbow(fitted.notes),
        tuning=tuning(fitted.notes, tuple(result.earlier)),
        notes=plain_notes(fitted.notes),
    )


def fingerprint(frame: pd.DataFrame) -> str:
    """Sixteen digits that tell one set of training rows from another: a digest over every value, in order."""
    digests = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    return hashlib.sha256(",".join(frame.columns).encode() + digests.tobytes()).hexdigest()[:16]


def _trained_on(past: pd.DataFrame, words: Words) -> Rows:
    rate = None
    if words.label is not None and words.label in past:
        weight = past[words.weight].to_numpy(dtype=float) if words.weight is not None else np.ones(len(past))
        rate = float(np.average(past[words.label].to_numpy(dtype=float), weights=weight))
    return Rows(len(past), int(past["pseudonym"].nunique()), *_span(past), rate, fingerprint(past))


def _evaluated_on(later: pd.DataFrame, outcomes: pd.DataFrame | None) -> Rows:
    rate = None if outcomes is None else float(np.average(outcomes["actual"], weights=outcomes["weight"]))
    return Rows(len(later), int(later["pseudonym"].nunique()), *_span(later), rate)


def _is_finite(outcomes: pd.DataFrame) -> np.ndarray:
    return np.isfinite(outcomes.select_dtypes("number").to_numpy(dtype=float)).all(axis=1)


def _outcomes_until(result: Backtest) -> str:
    """Where the last label window ends, of labels that have one; else the window's end."""
    ends_at = result.later["label_ends_at"].max() if "label_ends_at" in result.later else result.window.end
    return f"{ends_at:%Y-%m-%d}"


def _ratio(outcomes: pd.DataFrame, metrics: Metrics) -> Metric:
    weight = outcomes["weight"].to_numpy(dtype=float)
    predicted, actual = (weight * outcomes[name].to_numpy(dtype=float) for name in ("predicted", "actual"))
    found = ratio(outcomes["pseudonym"], predicted, actual)
    return _as_reported(found, metrics, "prediction_ratio", "bias_ratio")


def _gain(outcomes: pd.DataFrame, metrics: Metrics) -> Gain:
    curve = gain(outcomes)
    tenth = _as_reported(curve.lift["10%"], metrics, "top_decile_lift")
    return replace(curve, lift=curve.lift | {"10%": tenth})


def _as_reported(found: Metric, metrics: Metrics, *names: str) -> Metric:
    """The model's own metric where it reports the same figure: one figure has one interval."""
    reported = (metrics[name] for name in names if name in metrics)
    return next((metric for metric in reported if np.isclose(metric.value, found.value)), found)


def _span(frame: pd.DataFrame) -> tuple[str, str]:
    at = frame["shown_at"] if "shown_at" in frame else frame["snapshot_at"]
    return f"{at.min():%Y-%m-%d}", f"{at.max():%Y-%m-%d}"


def _metric_lines(metrics: Metrics, earlier: dict[str, Metrics], facts: Facts) -> tuple[MetricLine, ...]:
    """Baselines stand beside their metric and not as lines of their own; the headline comes first."""
    champion = facts.comparison.get("champion_metrics", {})
    names = sorted(metrics, key=lambda name: name != facts.headline)
    return tuple(
        MetricLine(
            name,
            metrics[name],
            metrics.get(facts.baseline if name == facts.headline else f"baseline_{name}"),
            champion.get(name, {}).get("value"),
            {origin: found[name].value for origin, found in earlier.items() if name in found},
        )
        for name in names
        if name != facts.baseline and not name.startswith("baseline_")
    )


def _drivers(model: object, fitted: Fitted, later: pd.DataFrame) -> tuple[Driver, ...]:
    if not isinstance(model, GivesDrivers):
        return ()
    found = model.drivers(fitted, later).sort_values("share", ascending=False, kind="stable")
    strongest = found[found["share"] >= MIN_SHARE].head(MAX_DRIVERS)
    return tuple(Driver(row["driver"], row["share"], row["direction"]) for row in strongest.to_dict("records"))
