"""Customer lifetime value: what a customer is expected to spend within the horizon, with an 80 % interval.

A line through what a customer lately spent per day carries the forecast, because trees cannot say more than
they have seen and a few great spenders decide the sum. LightGBM learns what the line leaves, relative to it,
with Huber's loss: one customer in a hundred changes for good, and must not move the others. The interval is
quantile regression with a conformal correction on customers that the quantiles have not seen (Romano,
Patterson and Candès, "Conformalized Quantile Regression", NeurIPS 2019). Beside it stand "as in the last 90
days" and the model of repeat purchases (models/purchases.py). Spend is in the money of the orders, net of
what was given back and not winsorised.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame

from infra.contracts import ClvExamples, ClvPrediction
from models import explanation
from models.backtest import Rehearsal, Window
from models.boosting import boost, boost_watched
from models.bounds import Bounded
from models.clv_model import LEVEL, SPENT_PER_DAY, ClvModel, level_of
from models.disguise import refuse_disguised_amounts
from models.encoding import LARGEST, Encoder, attributes
from models.errors import TooLittleHistory, UnusableLabel
from models.fitted import Fitted
from models.metrics import Array, Metrics, resampled_customers
from models.revenue_metrics import customer_metrics, revenue_metrics
from models.row_encoding import row_encoder
from models.scoring import Scorer, compiled
from models.snapshots import SNAPSHOT_DAYS, every_nth
from models.snapshots import windows as windows

HABITS = ("days_since_last_order", "order_weeks_84d", "recency_to_gap_ratio", "orders_84d", "discount_84d_ratio")
NUMERIC = (LEVEL, *SPENT_PER_DAY, *HABITS)
STATIC = ("region", "age_band", "gender", "income_band", "household_size")


@dataclass(frozen=True, kw_only=True)
class Params(Bounded):
    """How the model learns.

    horizon_days: length of the label window.
    train_every: learn from every so many-th snapshot (neighbours hold nearly the same rows).
    min_history_days: snapshots with less before them are not learned from; habits need that long to show.
    evaluation_days: how long before the last labelled snapshot evaluation starts; a week, since every week more
        is one less to learn from, and neighbouring label windows hold nearly the same spend.
    earlier_windows, window_step_days: windows before the reported one, for choices, and their length.
    rounds: at most so many trees; the earlier windows choose.
    robust_beyond: errors count by their size, no longer by its square, beyond so many times the line's value.
    small_share: added to the line's value, as a share of the mean spend, where something is divided by it.
    coverage: share of customers whose spend the interval is to hold.
    calibration_share: share of customers kept from the quantiles, for their correction.
    min_spenders: examples with spend that training needs at least.
    """

    horizon_days: int = 90
    train_every: int = 4
    min_history_days: int = 28
    evaluation_days: int = 7
    earlier_windows: int = 3
    window_step_days: int = 14
    rounds: int = 150
    learning_rate: float = 0.03
    leaves: int = 8
    min_rows_in_leaf: int = 100
    robust_beyond: float = 0.5
    small_share: float = 0.1
    coverage: float = 0.8
    interval_rounds: int = 60
    calibration_share: float = 1 / 3
    min_spenders: int = 50
    reference_rows: int = 2_000
    resamples: int = 200
    seed: int = 20170101


def first_possible(first_event: pd.Timestamp, params: Params) -> pd.Timestamp:
    """The earliest as_of with one labelled training snapshot before the reported window."""
    before = params.min_history_days + SNAPSHOT_DAYS
    return first_event + pd.Timedelta(days=before + 2 * params.horizon_days + params.evaluation_days)


def split(frame: pd.DataFrame, window: Window, params: Params) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every ``train_every``-th snapshot labelled by the origin, and all snapshots of the window."""
    history_days = frame.groupby("snapshot_at")["tenure_days"].transform("max")
    labelled = frame[(frame["label_ends_at"] <= window.origin) & (history_days >= params.min_history_days)]
    later = frame[frame["snapshot_at"].between(window.origin, window.end)]
    return every_nth(labelled, params.train_every), later


def rehearse(past: DataFrame[ClvExamples], later: DataFrame[ClvExamples], params: Params) -> Rehearsal:
    """How the model does on an earlier window, and its loss there after each round."""
    model, losses = _fit(past, params, later)
    return Rehearsal(revenue_metrics(later, _predicted(model, later), params.horizon_days), losses)


def choose(rehearsals: Sequence[Rehearsal], params: Params) -> Params:
    """The number of trees with the least mean loss over the earlier windows; none without any."""
    if not rehearsals:
        return params
    losses = pd.concat([rehearsal.evidence for rehearsal in rehearsals], axis=1).mean(axis=1)
    return replace(params, rounds=int(losses.to_numpy().argmin()) + 1)


def train(frame: DataFrame[ClvExamples], params: Params) -> Fitted:
    """Fit the line, the trees and the interval on labelled examples; ``attr_…`` columns are features too.

    Raises:
        TooLittleHistory: fewer than ``min_spenders`` examples with spend, or too few customers for an interval.
        MissingColumns: a feature is not in the frame.
        DisguisedLabel: one feature by itself tells the spend, as ``refuse_disguised_amounts`` finds it.
        UnusableLabel: what somebody spent is no number, or out of all bounds.
    """
    model, _ = _fit(frame, params)
    reference = model.encoder.sample(frame, params.reference_rows, params.seed)
    snapshots = sorted(frame["snapshot_at"].dt.strftime("%Y-%m-%d").unique())
    notes: dict[str, Any] = {
        "rounds": params.rounds,
        "rows": len(frame),
        "line": {"start": round(model.start, 4), "slope": round(model.slope, 6)},
        "correction": round(model.correction, 6),
        "snapshots": snapshots,
    }
    return Fitted(model, model.encoder.features, reference, notes)


def predict(fitted: Fitted, frame: pd.DataFrame) -> DataFrame[ClvPrediction]:
    """Expected revenue within the horizon and its interval, one per row, in the same order."""
    return ClvPrediction.validate(_predicted(fitted.model, frame))


def scorer(fitted: Fitted, columns: Sequence[str]) -> Scorer:
    """What ``predict`` says, of rows whose values are in the order of ``columns``.

    Raises:
        MissingColumns: a feature is not among the columns.
    """
    model: ClvModel = fitted.model
    return compiled(row_encoder(model.encoder, columns), model.for_few_rows().forecast, ClvPrediction)


def evaluate(fitted: Fitted, frame: DataFrame[ClvExamples], params: Params | None = None) -> Metrics:
    """Metrics on later snapshots, pooled, against both baselines; intervals by resampling customers."""
    params = params or Params()
    _spent(frame)
    draws = resampled_customers(frame["pseudonym"], params.resamples, params.seed)
    return customer_metrics(frame, _predicted(fitted.model, frame), params.horizon_days, list(draws))


def outcomes(fitted: Fitted, frame: DataFrame[ClvExamples]) -> pd.DataFrame:
    """What was predicted and what came: pseudonym, snapshot_at, actual, predicted, low, high, weight, in money."""
    found = _predicted(fitted.model, frame).rename(columns={"expected_revenue": "predicted"})
    known = frame[["pseudonym", "snapshot_at"]].assign(actual=frame["revenue"].astype(float), weight=1.0)
    return pd.concat([known, found], axis=1)


def explain(fitted: Fitted, frame: pd.DataFrame, most: int = 3) -> list[list[str]]:
    """Each row's strongest reasons in words, and what each adds to the forecast in money."""
    return explanation.explain(fitted.model.contributions(frame), frame, most, explanation.in_money)


def drivers(fitted: Fitted, frame: pd.DataFrame) -> pd.DataFrame:
    """What moves forecasts over (at most 2,000 of) these rows: driver, share, direction."""
    some = frame.sample(min(2_000, len(frame)), random_state=0)
    return explanation.drivers(fitted.model.contributions(some), some)


def _predicted(model: ClvModel, frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(model.forecast(model.encoder.transform(frame)), index=frame.index)


def _fit(frame: pd.DataFrame, params: Params, later: pd.DataFrame | None = None) -> tuple[ClvModel, pd.Series | None]:
    spent = _spent(frame)
    if (spent > 0).sum() < params.min_spenders:
        raise TooLittleHistory(f"{int((spent > 0).sum())} with spend among {len(spent)} examples to learn from")
    encoder = Encoder.fit(frame, NUMERIC, STATIC, attributes(frame))
    matrix = encoder.transform(frame)
    refuse_disguised_amounts(encoder, matrix, spent)
    model = _line(encoder, matrix, spent, params)
    past, unseen = (model.relative(matrix), model.left_over(matrix, spent)), None
    if later is not None:
        seen = encoder.transform(later)
        unseen = (model.relative(seen), model.left_over(seen, _spent(later)))
    robust = _options(params) | {"objective": "huber", "alpha": params.robust_beyond, "metric": "huber"}
    booster, losses = (
        boost_watched(encoder, past, unseen, robust, params.rounds)
        if unseen
        else (boost(encoder, *past, robust, params.rounds), None)
    )
    quantiles, correction = _interval(encoder, past, frame, params)
    return replace(model, booster=booster, quantiles=quantiles, correction=correction), losses


def _spent(frame: pd.DataFrame) -> Array:
    spent = frame["revenue"].to_numpy(dtype=float)
    unusable = ~(np.abs(spent) <= LARGEST)
    if unusable.any():
        raise UnusableLabel("revenue", int(unusable.sum()), len(frame))
    return spent


def _line(encoder: Encoder, matrix: Array, spent: Array, params: Params) -> ClvModel:
    """Least squares through the level; flat where all customers have the same."""
    level = level_of(encoder, matrix, params.horizon_days)
    deviation = level - level.mean()
    slope = float(deviation @ spent / max(deviation @ deviation, 1e-12))
    small = params.small_share * float(spent.clip(min=0).mean())
    start = float(spent.mean() - slope * level.mean())
    model = ClvModel(encoder, params.horizon_days, start, slope, 0.0, small)
    return replace(model, average=float(model.line(matrix).mean()))


def _interval(
    encoder: Encoder, past: tuple[Array, Array], frame: pd.DataFrame, params: Params
) -> tuple[tuple[lgb.Booster, lgb.Booster], float]:
    """Quantiles learned from some customers, and how much wider they must be to hold the others' last snapshot.

    Whole customers are kept apart, since their snapshots are alike; the last snapshot is nearest to what comes.
    """
    codes, customers = pd.factorize(frame["pseudonym"])
    kept_apart = (np.random.default_rng(params.seed).random(len(customers)) < params.calibration_share)[codes]
    judged = kept_apart & (frame["snapshot_at"] == frame["snapshot_at"].max()).to_numpy()
    matrix, left_over = past
    beyond = (1 - params.coverage) / 2
    learned = (matrix[~kept_apart], left_over[~kept_apart])
    low, high = (
        boost(encoder, *learned, _options(params) | {"objective": "quantile", "alpha": q}, params.interval_rounds)
        for q in (beyond, 1 - beyond)
    )
    rank = int(np.ceil(params.coverage * (judged.sum() + 1)))
    if rank > judged.sum():
        raise TooLittleHistory(f"{int(judged.sum())} customers to correct the interval on")
    seen = matrix[judged]
    outside = np.maximum(low.predict(seen) - left_over[judged], left_over[judged] - high.predict(seen))
    return (low, high), float(np.sort(outside)[rank - 1])


def _options(params: Params) -> dict[str, Any]:
    return {
        "learning_rate": params.learning_rate,
        "num_leaves": params.leaves,
        "min_data_in_leaf": params.min_rows_in_leaf,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 10.0,
        "seed": params.seed,
    }
