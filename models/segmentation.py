"""Segmentation: RFM scores, and K-means on recency, frequency, monetary value and expected revenue.

Fitted on one snapshot and judged on the next period: do segments differ in what customers spend
*later*? Expected revenue is that of the model of repeat purchases (models/purchases.py), which needs no labels: it is
fitted on the very snapshot. The number of clusters is the elbow of the inertia curve (Satopää et al., "Finding a
'Kneedle' in a Haystack", 2011).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_samples
from sklearn.pipeline import Pipeline

from infra.contracts import CustomerFeatures, SegmentPrediction
from models.backtest import Rehearsal, Window
from models.bounds import Bounded
from models.encoding import to_numbers
from models.errors import TooLittleHistory
from models.explanation import in_figures, in_words
from models.fitted import Fitted
from models.metrics import Array, Metric, Metrics, interval, resampled_customers
from models.purchases import CustomerBase
from models.row_encoding import number_encoder
from models.scoring import Scorer, compiled
from models.segment_attributes import describe
from models.segment_axes import (
    AXES,
    FEATURES,
    FREQUENCY,
    MONETARY,
    RECENCY,
    filled,
    fit_purchases,
    in_units,
    matrix_of,
    nearest,
    new_scaler,
    placed,
    to_scale,
)
from models.segment_names import matched, rule_names, strategy
from models.separation import difference_tests, equal_groups, eta_squared

PERIOD_DAYS = 28  # the column amount_28d of the snapshot one period later is what was spent in it


@dataclass(frozen=True, kw_only=True)
class Params(Bounded):
    """How the model learns.

    min_clusters, max_clusters: where the elbow is looked for.
    min_customers: with fewer, training is refused.
    """

    min_clusters: int = 2
    max_clusters: int = 8
    min_customers: int = 50
    earlier_windows: int = 3
    reference_rows: int = 2_000
    resamples: int = 200
    seed: int = 20170101


@dataclass(frozen=True)
class SegmentationModel:
    """Scaling and clusters, the clusters' ids and names, and the quintile edges of the RFM scores.

    Without ``purchases`` (too few ordered again) everybody's expected revenue counts as 0.
    Ids are never used again: ``next_id`` is the one that a new segment would get.
    """

    purchases: CustomerBase | None
    scaler: Pipeline
    clusters: KMeans
    ids: tuple[int, ...]
    names: tuple[str, ...]
    next_id: int
    edges: dict[str, Array]


def windows(as_of: pd.Timestamp, params: Params) -> list[Window]:
    """The latest period that is over, and earlier ones; origins lie on the 7-day grid of snapshots."""
    period = pd.Timedelta(days=PERIOD_DAYS)
    monday = pd.Timestamp("1970-01-05")
    latest = monday + (as_of - period - monday) // pd.Timedelta(days=7) * pd.Timedelta(days=7)
    origins = [latest - period * back for back in range(params.earlier_windows, -1, -1)]
    return [Window(origin, origin + period) for origin in origins]


def first_possible(first_event: pd.Timestamp, params: Params) -> pd.Timestamp:
    """The earliest as_of at which a period lies behind the first snapshot."""
    return first_event + pd.Timedelta(days=14 + PERIOD_DAYS)


def split(frame: pd.DataFrame, window: Window, params: Params) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers at the origin, and the same customers with ``later_amount``: spent in the period after it."""
    past = frame[frame["snapshot_at"] == window.origin]
    later = frame.loc[frame["snapshot_at"] == window.end, ["pseudonym", "amount_28d"]]
    return past, past.merge(later.rename(columns={"amount_28d": "later_amount"}), on="pseudonym")


def rehearse(past: DataFrame[CustomerFeatures], later: pd.DataFrame, params: Params) -> Rehearsal:
    """How the clusters do on an earlier period."""
    return Rehearsal(evaluate(train(past, params), later, params))


def choose(rehearsals: Sequence[Rehearsal], params: Params) -> Params:
    """Nothing: the elbow chooses the number of clusters on the snapshot itself."""
    return params


def train(frame: DataFrame[CustomerFeatures], params: Params) -> Fitted:
    """Find and name clusters among customers of one snapshot.

    Raises:
        TooLittleHistory: fewer than ``min_customers``.
        MissingColumns: a feature is not in the frame.
    """
    matrix = matrix_of(frame)
    if len(frame) < params.min_customers:
        raise TooLittleHistory(f"{len(frame)} customers to find segments among")
    purchases, scaler = fit_purchases(matrix), new_scaler()
    positions = placed(purchases, matrix)
    scaled = scaler.fit_transform(positions)
    values = filled(scaler, positions)
    distinct = len(np.unique(scaled.round(9), axis=0))
    if distinct < params.min_clusters:
        raise TooLittleHistory(f"{len(frame)} customers who do not differ: no segments among them")
    candidates = range(params.min_clusters, min(params.max_clusters, distinct) + 1)
    fits = {k: KMeans(k, n_init=4, random_state=params.seed).fit(scaled) for k in candidates}
    elbow = _elbow({k: fit.inertia_ for k, fit in fits.items()})
    clusters = fits[elbow]
    edges = {name: np.quantile(values[:, i], [0.2, 0.4, 0.6, 0.8]) for i, name in enumerate(AXES)}
    names = tuple(rule_names(clusters.cluster_centers_))
    model = SegmentationModel(purchases, scaler, clusters, tuple(range(elbow)), names, elbow, edges)
    reference = frame[list(FEATURES)].sample(min(params.reference_rows, len(frame)), random_state=params.seed)
    notes: dict[str, Any] = {
        "clusters": elbow,
        "inertia": {k: round(float(fit.inertia_), 3) for k, fit in fits.items()},
        "silhouette": {
            k: round(float(_silhouettes(scaled, fit.labels_, params.seed)[1].mean()), 4) for k, fit in fits.items()
        },
        "sizes": {name: int((clusters.labels_ == i).sum()) for i, name in enumerate(model.names)},
        "attributes": describe(frame, np.array(model.names, dtype=object)[clusters.labels_]),
    }
    return Fitted(model, FEATURES, reference, notes)


def follow(fitted: Fitted, champion: Fitted) -> Fitted:
    """Let segments keep the ids and names that the champion's have, where they are the same ones; others are new.

    Centroids of both are compared on the new version's axes. A champion with other axes has none to hand on.
    """
    ours, theirs = fitted.model, champion.model
    if fitted.features != champion.features:
        return fitted
    before = ours.scaler.transform(in_units(theirs.scaler, theirs.clusters.cluster_centers_))
    centroids = ours.clusters.cluster_centers_
    pairs = matched(centroids, before)
    new = [i for i in range(len(centroids)) if i not in pairs]
    ids = {i: theirs.ids[then] for i, then in pairs.items()} | {i: theirs.next_id + n for n, i in enumerate(new)}
    names = {i: theirs.names[then] for i, then in pairs.items()}
    names |= dict(zip(new, rule_names(centroids[new], taken=theirs.names), strict=True))
    order = range(len(centroids))
    model = replace(
        ours,
        ids=tuple(ids[i] for i in order),
        names=tuple(names[i] for i in order),
        next_id=theirs.next_id + len(new),
    )
    return replace(fitted, model=model, notes=_renamed(fitted.notes, dict(zip(ours.names, model.names, strict=True))))


def _renamed(notes: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Notes by segment under other names."""

    def told(by_segment: dict[str, Any]) -> dict[str, Any]:
        return {names.get(segment, segment): value for segment, value in by_segment.items()}

    attributes = {name: told(by_segment) for name, by_segment in notes["attributes"].items()}
    return notes | {"sizes": told(notes["sizes"]), "attributes": attributes}


def predict(fitted: Fitted, frame: pd.DataFrame) -> DataFrame[SegmentPrediction]:
    """Segments and RFM scores, one per row, in the same order."""
    told = _told(fitted.model, matrix_of(frame))
    return SegmentPrediction.validate(pd.DataFrame(told, index=frame.index))


def scorer(fitted: Fitted, columns: Sequence[str]) -> Scorer:
    """What ``predict`` says, of rows whose values are in the order of ``columns``.

    Raises:
        MissingColumns: a feature is not among the columns.
    """
    return compiled(number_encoder(FEATURES, columns), partial(_told, fitted.model), SegmentPrediction)


def _told(model: SegmentationModel, matrix: Array) -> dict[str, np.ndarray]:
    """The columns of a prediction; ``matrix`` has the ``FEATURES``."""
    values = filled(model.scaler, placed(model.purchases, matrix))
    found = nearest(model.clusters, to_scale(model.scaler, values))
    scores = {name: 1 + np.searchsorted(model.edges[name], values[:, i]) for i, name in enumerate(AXES)}
    return {
        "segment_id": np.array(model.ids)[found],
        "segment": np.array(model.names, dtype=object)[found],
        "recency_score": 6 - scores[RECENCY],  # few days since the last order is best
        "frequency_score": scores[FREQUENCY],
        "monetary_score": scores[MONETARY],
    }


def explain(fitted: Fitted, frame: pd.DataFrame, most: int = 3) -> list[list[str]]:
    """Where each row lies on the axes that segments are told apart by: the value, and its fifth (5 is best)."""
    said = predict(fitted, frame)
    scores = [said[f"{axis}_score"].tolist() for axis in ("recency", "frequency", "monetary")]
    values = [in_figures(frame[name], name) for name in AXES]
    return [
        [
            f"{in_words(name)}: {value[row]} ({score[row]} of 5)"
            for name, value, score in list(zip(AXES, values, scores, strict=True))[:most]
        ]
        for row in range(len(frame))
    ]


def evaluate(fitted: Fitted, frame: pd.DataFrame, params: Params | None = None) -> Metrics:
    """How well segments tell what customers spend in the *next* period (eta², the share of variance
    between segments), against as many groups of equal size by money spent alone; whether the difference is one (three
    tests); and how separate the clusters are. Intervals by resampling customers.
    """
    params = params or Params()
    model: SegmentationModel = fitted.model
    predicted = predict(fitted, frame)
    later = frame["later_amount"].to_numpy(dtype=float)
    scaled = model.scaler.transform(placed(model.purchases, matrix_of(frame)))
    by_spend = equal_groups(to_numbers(frame[MONETARY]), len(model.names))
    ours, baseline = (eta_squared(later, group) for group in (predicted["segment_id"], by_spend))
    draws = list(resampled_customers(frame["pseudonym"], params.resamples, params.seed))
    equal = np.ones(len(frame))
    measured = {
        "eta_squared": interval(ours(equal), [ours(d) for d in draws]),
        "baseline_eta_squared": interval(baseline(equal), [baseline(d) for d in draws]),
        "gain_over_baseline": interval(ours(equal) - baseline(equal), [ours(d) - baseline(d) for d in draws]),
    }
    tests = difference_tests(later, predicted["segment_id"])
    of_ranks = eta_squared(rankdata(later), predicted["segment_id"])  # which epsilon² is
    measured["epsilon_squared"] = interval(tests.pop("epsilon_squared"), [of_ranks(d) for d in draws])
    rows, silhouettes = _silhouettes(scaled, predicted["segment_id"].to_numpy(), params.seed)
    resampled = [float(np.average(silhouettes, weights=d[rows])) for d in draws if d[rows].any()]
    measured["silhouette"] = interval(float(silhouettes.mean()), resampled)
    values = {
        **tests,
        "clusters": float(len(model.names)),
        "rows": float(len(frame)),
    }
    return measured | {name: Metric(value) for name, value in values.items()}


def _elbow(inertia: dict[int, float]) -> int:
    from kneed import KneeLocator  # only training needs it, and it draws Matplotlib in

    if len(inertia) < 3:  # two points have no elbow
        return max(inertia)
    found = KneeLocator(list(inertia), list(inertia.values()), curve="convex", direction="decreasing").knee
    return int(found) if found is not None else min(inertia, key=lambda k: abs(k - 4))


def _silhouettes(scaled: Array, labels: np.ndarray, seed: int) -> tuple[np.ndarray, Array]:
    """At most 1,000 rows and their silhouettes; 0 where a sample holds one segment only, or one row each."""
    rows = np.random.default_rng(seed).permutation(len(scaled))[:1_000]
    segments = len(np.unique(labels[rows]))
    return rows, silhouette_samples(scaled[rows], labels[rows]) if 2 <= segments < len(rows) else np.zeros(len(rows))


def members(fitted: Fitted, later: pd.DataFrame) -> pd.DataFrame:
    """Each customer's segment and what describes it, in units, for the model card (`models/card/content.py`)."""
    model: SegmentationModel = fitted.model
    segment = predict(fitted, later)["segment"]
    described = later[[*AXES, "later_amount"]].astype(float)
    revenue = filled(model.scaler, placed(model.purchases, matrix_of(later)))[:, len(AXES)]
    return described.assign(expected_revenue=revenue, segment=segment, strategy=segment.map(strategy))
