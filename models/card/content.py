"""What a card says, as plain values: the page shows it, the terminal shows it, programs read it as JSON."""

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from models.backtest import Backtest
from models.card.bins import Bin, calibration_bins, decile_bins
from models.card.gain import Gain, gain
from models.card.resampling import ratio
from models.card.segments import Elbow, Segment, elbow, segment_table
from models.card.slices import Slice, is_amount, score, slices, with_attributes
from models.card.words import Words
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
    """All of it. Parts that a model does not give are empty; ``ratio`` is all that was predicted over what came."""

    facts: Facts
    words: Words
    origin: str
    evaluated_until: str
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
    segments: tuple[Segment, ...]
    elbow: Elbow | None
    notes: dict[str, Any]

    @property
    def gaps(self) -> tuple[Slice, ...]:
        return tuple(found for found in self.slices if found.verdict == "gap")


MAX_DRIVERS = 15


def describe(
    facts: Facts, words: Words, model: object, result: Backtest, past: pd.DataFrame, known: pd.DataFrame
) -> Card:
    """The card of a version.

    ``past`` are its training rows, ``known`` the attributes of customers at the snapshots of the evaluated rows
    (see ``slices.with_attributes``).
    """
    fitted, later = result.fitted, result.later
    outcomes = model.outcomes(fitted, later) if isinstance(model, GivesOutcomes) else None
    has_both = outcomes is not None and outcomes["actual"].nunique() > 1
    overall = score(outcomes) if outcomes is not None and has_both else None
    bins: tuple[Bin, ...] = ()
    if outcomes is not None:
        bins = decile_bins(outcomes) if is_amount(outcomes) else calibration_bins(outcomes)
    sliced = slices(with_attributes(outcomes, known), overall) if outcomes is not None and overall is not None else ()
    return Card(
        facts=facts,
        words=words,
        origin=f"{result.window.origin:%Y-%m-%d}",
        evaluated_until=f"{result.window.end:%Y-%m-%d}",
        trained_on=_trained_on(past, words),
        evaluated_on=_evaluated_on(later, outcomes),
        metrics=_metric_lines(result.metrics, result.earlier, facts),
        is_amount=outcomes is not None and is_amount(outcomes),
        ratio=_ratio(outcomes) if outcomes is not None and has_both else None,
        bins=bins,
        gain=gain(outcomes) if outcomes is not None and has_both else None,
        slices=sliced,
        overall=overall,
        drivers=_drivers(model, fitted, later),
        segments=segment_table(model.members(fitted, later)) if isinstance(model, GivesSegments) else (),
        elbow=elbow(fitted.notes),
        notes={name: note for name, note in fitted.notes.items() if not isinstance(note, dict)},
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


def _ratio(outcomes: pd.DataFrame) -> Metric:
    weight = outcomes["weight"].to_numpy(dtype=float)
    predicted, actual = (weight * outcomes[name].to_numpy(dtype=float) for name in ("predicted", "actual"))
    return ratio(outcomes["pseudonym"], predicted, actual)


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
    strongest = model.drivers(fitted, later).sort_values("share", ascending=False, kind="stable").head(MAX_DRIVERS)
    return tuple(Driver(row["driver"], row["share"], row["direction"]) for row in strongest.to_dict("records"))
