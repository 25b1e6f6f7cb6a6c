"""Segmentation: RFM scores, and K-means on recency, frequency and monetary value.

Fitted on one snapshot and judged on the next period: do segments differ in what customers spend
*later*? The number of clusters is the elbow of the inertia curve (Satopää et al., "Finding a
'Kneedle' in a Haystack", 2011).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from kneed import KneeLocator
from pandera.typing.pandas import DataFrame
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from sklearn.impute import SimpleImputer
from sklearn.metrics import silhouette_samples
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PowerTransformer

from infra.contracts import CustomerFeatures, SegmentPrediction
from models.backtest import Rehearsal, Window
from models.encoding import MAX_ATTRIBUTE_LEVELS, attributes, is_number, require_columns, to_numbers
from models.errors import TooLittleHistory
from models.fitted import Fitted
from models.metrics import Array, Metric, Metrics, interval, resampled_customers
from models.separation import difference_tests, eta_squared

RECENCY, FREQUENCY, MONETARY = "days_since_last_order", "orders_84d", "amount_84d"
FEATURES = (RECENCY, FREQUENCY, MONETARY)
MIN_SHARING = 5
PERIOD_DAYS = 28  # the column amount_28d of the snapshot one period later is what was spent in it

_NAMES = {
    # (bought lately, buys often, spends much) → name
    (True, True, True): "important value",
    (True, False, True): "important development",
    (False, True, True): "important retention",
    (False, False, True): "important win-back",
    (True, True, False): "general value",
    (True, False, False): "general development",
    (False, True, False): "general retention",
    (False, False, False): "general win-back",
}


@dataclass(frozen=True, kw_only=True)
class Params:
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
    """Scaling and clusters, the clusters' names, and the quintile edges of the RFM scores."""

    scaler: Pipeline
    clusters: KMeans
    names: tuple[str, ...]
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
    require_columns(frame, FEATURES)
    if len(frame) < params.min_customers:
        raise TooLittleHistory(f"{len(frame)} customers to find segments among")
    scaler = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), PowerTransformer())
    scaled = scaler.fit_transform(_numbers(frame))
    values = _values(scaler, frame)
    distinct = len(np.unique(scaled.round(9), axis=0))
    if distinct < params.min_clusters:
        raise TooLittleHistory(f"{len(frame)} customers who do not differ: no segments among them")
    candidates = range(params.min_clusters, min(params.max_clusters, distinct) + 1)
    fits = {k: KMeans(k, n_init=4, random_state=params.seed).fit(scaled) for k in candidates}
    elbow = _elbow({k: fit.inertia_ for k, fit in fits.items()})
    clusters = fits[elbow]
    edges = {name: np.quantile(values[:, i], [0.2, 0.4, 0.6, 0.8]) for i, name in enumerate(FEATURES)}
    model = SegmentationModel(scaler, clusters, _cluster_names(clusters.cluster_centers_), edges)
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


def describe(frame: pd.DataFrame, segments: np.ndarray) -> dict[str, dict[str, dict[str, float]]]:
    """What else the company knows (``attr_…``) of each segment, beside ``all`` customers.

    Attribute → segment → value → share of those whose value is known; of a number, its ``median``. Notes are
    read by people and must not point at one: values of fewer than ``MIN_SHARING`` customers are ``other``, and
    segments with fewer of whom it is known are left out.
    """
    described = {}
    for name in attributes(frame):
        known = frame[name].notna().to_numpy()
        values = to_numbers(frame[name]) if is_number(frame[name]) else _frequent_values(frame[name])
        groups = {"all": known} | {segment: known & (segments == segment) for segment in sorted(set(segments))}
        described[name] = {group: _told(values[rows]) for group, rows in groups.items() if rows.sum() >= MIN_SHARING}
    return described


def _frequent_values(column: pd.Series) -> np.ndarray:
    counts = column.value_counts()
    kept = counts[counts >= MIN_SHARING].index[:MAX_ATTRIBUTE_LEVELS]
    return column.astype(object).where(column.isin(kept), "other").to_numpy()


def _told(values: np.ndarray) -> dict[str, float]:
    if values.dtype == float:
        return {"median": round(float(np.median(values)), 4)}
    shares = pd.Series(values).value_counts(normalize=True).sort_index()
    return {str(value): round(float(share), 4) for value, share in shares.items()}


def predict(fitted: Fitted, frame: pd.DataFrame) -> DataFrame[SegmentPrediction]:
    """Segments and RFM scores, one per row, in the same order."""
    require_columns(frame, FEATURES)
    model: SegmentationModel = fitted.model
    values = _values(model.scaler, frame)
    ids = model.clusters.predict(model.scaler.transform(values)) if len(values) else np.empty(0, dtype=int)
    scores = {name: 1 + np.searchsorted(model.edges[name], values[:, i]) for i, name in enumerate(FEATURES)}
    predicted = {
        "segment_id": ids,
        "segment": np.array(model.names, dtype=object)[ids],
        "recency_score": 6 - scores[RECENCY],  # few days since the last order is best
        "frequency_score": scores[FREQUENCY],
        "monetary_score": scores[MONETARY],
    }
    return SegmentPrediction.validate(pd.DataFrame(predicted, index=frame.index))


def evaluate(fitted: Fitted, frame: pd.DataFrame, params: Params | None = None) -> Metrics:
    """How well segments tell what customers spend in the *next* period (eta², the share of variance
    between segments), against quintiles of recency alone; whether the difference is one (three tests);
    and how separate the clusters are. Intervals by resampling customers.
    """
    params = params or Params()
    model: SegmentationModel = fitted.model
    predicted = predict(fitted, frame)
    later = frame["later_amount"].to_numpy(dtype=float)
    scaled = model.scaler.transform(_numbers(frame))
    ours, recency = (eta_squared(later, predicted[column]) for column in ("segment_id", "recency_score"))
    draws = list(resampled_customers(frame["pseudonym"], params.resamples, params.seed))
    equal = np.ones(len(frame))
    measured = {
        "eta_squared": interval(ours(equal), [ours(d) for d in draws]),
        "baseline_eta_squared": interval(recency(equal), [recency(d) for d in draws]),
        "gain_over_recency": interval(ours(equal) - recency(equal), [ours(d) - recency(d) for d in draws]),
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


def _numbers(frame: pd.DataFrame) -> Array:
    """Recency, frequency and monetary value, each non-negative: money returned counts as none spent."""
    return np.clip(np.column_stack([to_numbers(frame[name]) for name in FEATURES]), 0, None)


def _values(scaler: Pipeline, frame: pd.DataFrame) -> Array:
    """The same; what is no finite number counts as the median in training."""
    return np.asarray(scaler[0].transform(_numbers(frame))) if len(frame) else _numbers(frame)


def _elbow(inertia: dict[int, float]) -> int:
    if len(inertia) < 3:  # two points have no elbow
        return max(inertia)
    found = KneeLocator(list(inertia), list(inertia.values()), curve="convex", direction="decreasing").knee
    return int(found) if found is not None else min(inertia, key=lambda k: abs(k - 4))


def _cluster_names(centroids: Array) -> tuple[str, ...]:
    """Names by rule: above or below the average customer (0 after scaling) on each axis.

    Clusters on the same side everywhere are told apart by a number, the one that spends most first.
    """
    nothing = 1e-9  # an axis on which nobody differs scales to zeros with rounding noise
    base = [_NAMES[(bool(r < -nothing), bool(f > nothing), bool(m > nothing))] for r, f, m in centroids]
    names = list(base)
    for name in set(base):
        twins = sorted((i for i, b in enumerate(base) if b == name), key=lambda i: -centroids[i][2])
        for number, i in enumerate(twins[1:], start=2):
            names[i] = f"{name} {number}"
    return tuple(names)


def _silhouettes(scaled: Array, labels: np.ndarray, seed: int) -> tuple[np.ndarray, Array]:
    """At most 1,000 rows and their silhouettes; 0 where a sample holds one segment only, or one row each."""
    rows = np.random.default_rng(seed).permutation(len(scaled))[:1_000]
    segments = len(np.unique(labels[rows]))
    return rows, silhouette_samples(scaled[rows], labels[rows]) if 2 <= segments < len(rows) else np.zeros(len(rows))
