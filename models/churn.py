"""Churn: the probability that an active customer lets the whole horizon pass without an order.

LightGBM with small trees, because the data is small; beside it, on the same rows, a logistic
regression and recency alone. Evaluation pools every later snapshot whose label window starts after
the last label window of training has ended.
"""

from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame
from sklearn.metrics import average_precision_score, brier_score_loss
from sklearn.pipeline import Pipeline

from infra.contracts import ChurnExamples, ChurnPrediction, CustomerFeatures
from models.backtest import Rehearsal, Window
from models.boosting import boost
from models.disguise import refuse_disguised_labels
from models.encoding import Encoder, attributes, logistic_baseline
from models.errors import TooLittleHistory
from models.fitted import Fitted
from models.imputation import Imputation
from models.metrics import Array, Metric, Metrics, interval, lift_at_top, log_loss, resampled_customers, weighted_auc

STATIC = ("region", "age_band", "gender", "income_band", "household_size")
NUMERIC = tuple(
    name for name in CustomerFeatures.to_schema().columns if name not in {"pseudonym", "snapshot_at", *STATIC}
)
SNAPSHOT_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class Params:
    """How the model learns.

    horizon_days: length of the label window.
    train_every: learn from every so many-th snapshot (neighbours hold nearly the same rows).
    evaluation_days: how long before the last labelled snapshot evaluation starts.
    earlier_windows, window_step_days: windows before the reported one, for choices, and their length.
    rounds: at most so many trees; the earlier windows choose.
    imputation: what takes the place of missing numbers in the baseline.
    medium_risk, high_risk: risk bands begin at these multiples of the odds of the training base rate.
    """

    horizon_days: int = 56
    train_every: int = 4
    evaluation_days: int = 56
    earlier_windows: int = 3
    window_step_days: int = 28
    rounds: int = 300
    learning_rate: float = 0.03
    leaves: int = 7
    min_rows_in_leaf: int = 100
    imputation: Imputation = "mean"
    baseline_inverse_penalty: float = 0.1
    medium_risk: float = 1.0
    high_risk: float = 4.0
    min_churned: int = 30
    reference_rows: int = 2_000
    resamples: int = 200
    seed: int = 20170101


@dataclass(frozen=True)
class ChurnModel:
    """The fitted pieces and where the risk bands begin."""

    encoder: Encoder
    booster: lgb.Booster
    baseline: Pipeline | None
    medium_risk: float
    high_risk: float

    def probability(self, matrix: Array) -> Array:
        return np.asarray(self.booster.predict(matrix)) if len(matrix) else np.empty(0)

    def baseline_probability(self, matrix: Array) -> Array:
        assert self.baseline is not None
        return np.asarray(self.baseline.predict_proba(matrix)[:, 1])


def windows(as_of: pd.Timestamp, params: Params) -> list[Window]:
    """Windows of snapshots, oldest first; the earlier ones end, labels included, before the last begins."""
    horizon, step = pd.Timedelta(days=params.horizon_days), pd.Timedelta(days=params.window_step_days)
    last_snapshot = as_of - horizon
    reported = Window(last_snapshot - pd.Timedelta(days=params.evaluation_days), last_snapshot)
    last_earlier = reported.origin - horizon
    earlier = [last_earlier - step * back for back in range(params.earlier_windows, 0, -1)]
    return [*(Window(origin, origin + step) for origin in earlier), reported]


def first_possible(first_event: pd.Timestamp, params: Params) -> pd.Timestamp:
    """The earliest as_of with one labelled training snapshot before the reported window."""
    return first_event + pd.Timedelta(days=SNAPSHOT_DAYS + 2 * params.horizon_days + params.evaluation_days)


def split(frame: pd.DataFrame, window: Window, params: Params) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every ``train_every``-th snapshot labelled by the origin, and all snapshots of the window."""
    labelled = frame[frame["label_ends_at"] <= window.origin]
    age_in_snapshots = (labelled["snapshot_at"].max() - labelled["snapshot_at"]) // pd.Timedelta(days=SNAPSHOT_DAYS)
    past = labelled[age_in_snapshots % params.train_every == 0]
    later = frame[frame["snapshot_at"].between(window.origin, window.end)]
    return past, later


def rehearse(past: DataFrame[ChurnExamples], later: DataFrame[ChurnExamples], params: Params) -> Rehearsal:
    """How LightGBM does on an earlier window, and its loss there after each round."""
    model, losses = _fit(past, params, later)
    return Rehearsal(_point_metrics(model, later), losses)


def train(frame: DataFrame[ChurnExamples], params: Params) -> Fitted:
    """Fit LightGBM and the baseline on labelled examples; ``attr_…`` columns are features too.

    Raises:
        TooLittleHistory: fewer than ``min_churned`` customers who churned.
        MissingColumns: a feature is not in the frame.
        DisguisedLabel: one feature by itself tells the label.
    """
    model, _ = _fit(frame, params)
    baseline = logistic_baseline(model.encoder, params.baseline_inverse_penalty, params.imputation, params.seed)
    baseline.fit(model.encoder.transform(frame), _label(frame))
    features = model.encoder.features
    reference = model.encoder.sample(frame, params.reference_rows, params.seed)
    snapshots = sorted(frame["snapshot_at"].dt.strftime("%Y-%m-%d").unique())
    notes = {"rounds": params.rounds, "rows": len(frame), "churned": int(_label(frame).sum()), "snapshots": snapshots}
    return Fitted(replace(model, baseline=baseline), features, reference, notes)


def predict(fitted: Fitted, frame: pd.DataFrame) -> DataFrame[ChurnPrediction]:
    """Churn probabilities and risk bands, one per row, in the same order."""
    model: ChurnModel = fitted.model
    probability = model.probability(model.encoder.transform(frame))
    band = np.select([probability >= model.high_risk, probability >= model.medium_risk], ["high", "medium"], "low")
    return ChurnPrediction.validate(
        pd.DataFrame({"churn_probability": probability, "risk_band": band.astype(str)}, index=frame.index)
    )


def evaluate(fitted: Fitted, frame: DataFrame[ChurnExamples], params: Params | None = None) -> Metrics:
    """Metrics on later snapshots, pooled; intervals by resampling customers."""
    params = params or Params()
    model: ChurnModel = fitted.model
    matrix, churned = model.encoder.transform(frame), _label(frame)
    point = _point_metrics(model, frame)
    ours = weighted_auc(churned, model.probability(matrix))
    linear = weighted_auc(churned, model.baseline_probability(matrix))
    recency = weighted_auc(churned, frame["days_since_last_order"].to_numpy(dtype=float))
    equal = np.ones(len(frame))
    draws = list(resampled_customers(frame["pseudonym"], params.resamples, params.seed))
    gain = ours(equal) - recency(equal)
    return point | {
        "auc": interval(ours(equal), [ours(d) for d in draws]),
        "gain_over_recency": interval(gain, [ours(d) - recency(d) for d in draws]),
        "gain_over_baseline": interval(ours(equal) - linear(equal), [ours(d) - linear(d) for d in draws]),
        "baseline_auc": Metric(linear(equal)),
        "recency_auc": Metric(recency(equal)),
    }


def _fit(frame: pd.DataFrame, params: Params, later: pd.DataFrame | None = None) -> tuple[ChurnModel, pd.Series | None]:
    churned = _label(frame)
    if churned.sum() < params.min_churned or churned.all():
        raise TooLittleHistory(f"{int(churned.sum())} churned among {len(churned)} examples to learn from")
    encoder = Encoder.fit(frame, NUMERIC, STATIC, attributes(frame))
    matrix = encoder.transform(frame)
    refuse_disguised_labels(encoder, matrix, churned, params.seed)
    options = {
        "learning_rate": params.learning_rate,
        "num_leaves": params.leaves,
        "min_data_in_leaf": params.min_rows_in_leaf,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 10.0,
        "seed": params.seed,
    }
    unseen = None if later is None else (encoder.transform(later), _label(later))
    booster, losses = boost(encoder, (matrix, churned), options, params.rounds, unseen)
    rate = float(churned.mean())
    medium, high = (times * rate / (1 - rate + times * rate) for times in (params.medium_risk, params.high_risk))
    return ChurnModel(encoder, booster, None, medium, high), losses


def _point_metrics(model: ChurnModel, frame: pd.DataFrame) -> Metrics:
    churned = _label(frame)
    if not churned.any() or churned.all():
        raise TooLittleHistory(f"{int(churned.sum())} churned among {len(churned)} examples to evaluate on")
    probability, equal = model.probability(model.encoder.transform(frame)), np.ones(len(frame))
    values = {
        "auc": weighted_auc(churned, probability)(equal),
        "pr_auc": float(average_precision_score(churned, probability)),
        "top_decile_lift": lift_at_top(churned, probability),
        "log_loss": log_loss(churned, probability, equal),
        "brier": float(brier_score_loss(churned, probability)),
        "churn_rate": float(churned.mean()),
        "rows": float(len(frame)),
    }
    return {name: Metric(value) for name, value in values.items()}


def _label(frame: pd.DataFrame) -> np.ndarray:
    return frame["churned"].to_numpy(dtype=bool)


def outcomes(fitted: Fitted, later: DataFrame[ChurnExamples]) -> pd.DataFrame:
    """What was predicted of each row and what came, for the model card (`models/card/content.py`)."""
    model: ChurnModel = fitted.model
    matrix = model.encoder.transform(later)
    predicted = {"predicted": model.probability(matrix), "baseline": model.baseline_probability(matrix)}
    return later[["pseudonym", "snapshot_at"]].assign(actual=_label(later).astype(float), **predicted, weight=1.0)
