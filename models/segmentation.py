"""Segmentation: RFM scores, and K-means on recency, frequency, monetary value and expected revenue.

Fitted on one snapshot and judged on the next period: do segments differ in what customers spend
*later*? Expected revenue is that of the model of repeat purchases (models/purchases.py), which needs no labels: it is
fitted on the very snapshot. The number of clusters is the elbow of the inertia curve (Satopää et al., "Finding a
'Kneedle' in a Haystack", 2011).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from sklearn.impute import SimpleImputer
from sklearn.metrics import silhouette_samples
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, PowerTransformer, StandardScaler

from infra.contracts import CustomerFeatures, SegmentPrediction
from models.backtest import Rehearsal, Window
from models.bounds import Bounded
from models.encoding import require_columns, to_numbers
from models.errors import TooLittleHistory
from models.fitted import Fitted
from models.metrics import Array, Metric, Metrics, interval, resampled_customers
from models.purchases import CustomerBase, expected_revenue, fit_customer_base
from models.segment_attributes import describe
from models.segment_names import matched, rule_names, strategy
from models.separation import difference_tests, equal_groups, eta_squared

RECENCY, FREQUENCY, MONETARY = "days_since_last_order", "orders_84d", "amount_84d"
AXES = (RECENCY, FREQUENCY, MONETARY)
HISTORY = ("repeat_orders", "first_to_last_order_days", "tenure_days", "repeat_order_amount_mean")
FEATURES = (*AXES, *HISTORY)
HORIZON_DAYS = 90
FARTHEST = 10  # standard deviations from the mean
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
    require_columns(frame, FEATURES)
    if len(frame) < params.min_customers:
        raise TooLittleHistory(f"{len(frame)} customers to find segments among")
    purchases = _purchases(frame)
    scaler = _scaler()
    scaled = scaler.fit_transform(_numbers(purchases, frame))
    values = _values(scaler, purchases, frame)
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
    before = ours.scaler.transform(_in_units(theirs.scaler, theirs.clusters.cluster_centers_))
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
    require_columns(frame, FEATURES)
    model: SegmentationModel = fitted.model
    values = _values(model.scaler, model.purchases, frame)
    found = model.clusters.predict(model.scaler.transform(values)) if len(values) else np.empty(0, dtype=int)
    scores = {name: 1 + np.searchsorted(model.edges[name], values[:, i]) for i, name in enumerate(AXES)}
    predicted = {
        "segment_id": np.array(model.ids)[found],
        "segment": np.array(model.names, dtype=object)[found],
        "recency_score": 6 - scores[RECENCY],  # few days since the last order is best
        "frequency_score": scores[FREQUENCY],
        "monetary_score": scores[MONETARY],
    }
    return SegmentPrediction.validate(pd.DataFrame(predicted, index=frame.index))


def evaluate(fitted: Fitted, frame: pd.DataFrame, params: Params | None = None) -> Metrics:
    """How well segments tell what customers spend in the *next* period (eta², the share of variance
    between segments), against as many groups of equal size by money spent alone; whether the difference is one (three
    tests); and how separate the clusters are. Intervals by resampling customers.
    """
    params = params or Params()
    model: SegmentationModel = fitted.model
    predicted = predict(fitted, frame)
    later = frame["later_amount"].to_numpy(dtype=float)
    scaled = model.scaler.transform(_numbers(model.purchases, frame))
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


def _scaler() -> Pipeline:
    """Medians for what is missing, a power that makes each axis look normal (Yeo & Johnson 2000), unit variance.

    Where nearly everybody has the same value, a power can send the others out of sight: they stay in bounds.
    """
    return make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        PowerTransformer(standardize=False),
        FunctionTransformer(np.clip, kw_args={"a_min": -1e100, "a_max": 1e100}),
        StandardScaler(),
        FunctionTransformer(np.clip, kw_args={"a_min": -FARTHEST, "a_max": FARTHEST}),
    )


def _in_units(scaler: Pipeline, scaled: Array) -> Array:
    return np.asarray(scaler["powertransformer"].inverse_transform(scaler["standardscaler"].inverse_transform(scaled)))


def _purchases(frame: pd.DataFrame) -> CustomerBase | None:
    try:
        return fit_customer_base(_history(frame))
    except TooLittleHistory:
        return None


def _history(frame: pd.DataFrame) -> pd.DataFrame:
    """What repeat purchases are told by; what is no finite number counts as none."""
    return pd.DataFrame({name: np.nan_to_num(to_numbers(frame[name])) for name in HISTORY}, index=frame.index)


def _numbers(purchases: CustomerBase | None, frame: pd.DataFrame) -> Array:
    """Recency, frequency, monetary value and expected revenue, none below 0: money returned counts as none spent."""
    axes = np.column_stack([to_numbers(frame[name]) for name in AXES]).reshape(len(frame), len(AXES))
    revenue = np.zeros(len(frame))
    if purchases is not None:
        expected = expected_revenue(purchases, _history(frame), HORIZON_DAYS)
        revenue = np.where(np.isfinite(expected), expected, np.nan)
    return np.clip(np.column_stack([axes, revenue]), 0, None)


def _values(scaler: Pipeline, purchases: CustomerBase | None, frame: pd.DataFrame) -> Array:
    """The same; what is no finite number counts as the median in training."""
    numbers = _numbers(purchases, frame)
    return np.asarray(scaler[0].transform(numbers)) if len(frame) else numbers


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
    revenue = _values(model.scaler, model.purchases, later)[:, len(AXES)]
    return described.assign(expected_revenue=revenue, segment=segment, strategy=segment.map(strategy))
