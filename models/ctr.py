"""CTR: the probability that a customer takes what an impression shows.

LightGBM on the sampled impressions as they are, its log-odds then moved by the sampling rate, so that
probabilities are those of the unsampled world (King & Zeng, "Logistic Regression in Rare Events
Data", 2001, prior correction). A logistic regression on the same features is the baseline.
"""

from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame
from sklearn.pipeline import Pipeline

from infra.contracts import CtrPrediction, ImpressionFeatures
from models.backtest import Rehearsal, Window
from models.boosting import boost
from models.disguise import refuse_disguised_labels
from models.encoding import Encoder, attributes, logistic_baseline
from models.errors import TooLittleHistory
from models.fitted import Fitted
from models.imputation import Imputation
from models.metrics import (
    Array,
    Metric,
    Metrics,
    interval,
    log_loss,
    log_loss_rows,
    normalised_entropy,
    prediction_ratio,
    resampled_customers,
    weighted_auc,
)

CATEGORICAL = ("channel", "placement", "department")
_NOT_FEATURES = {
    *("impression_id", "pseudonym", "shown_at", "snapshot_at", "label_known_at", "clicked", "sampling_weight"),
    *CATEGORICAL,
}
NUMERIC = tuple(name for name in ImpressionFeatures.to_schema().columns if name not in _NOT_FEATURES)


@dataclass(frozen=True, kw_only=True)
class Params:
    """How the model learns.

    train_days: impressions this old and younger are learned from.
    evaluation_days: length of each window.
    earlier_windows: how many windows before the reported one serve for choices.
    rounds: at most so many trees; the earlier windows choose.
    imputation: what takes the place of missing numbers in the baseline.
    min_clicks: with fewer clicks to learn from, training is refused.
    """

    train_days: int = 182
    evaluation_days: int = 28
    earlier_windows: int = 3
    rounds: int = 150
    learning_rate: float = 0.1
    leaves: int = 63
    min_rows_in_leaf: int = 200
    imputation: Imputation = "mean"
    baseline_inverse_penalty: float = 1.0
    min_clicks: int = 200
    reference_rows: int = 2_000
    resamples: int = 200
    seed: int = 20170101


@dataclass(frozen=True)
class CtrModel:
    """The fitted pieces; ``log_odds_offset`` undoes the sampling of unclicked impressions."""

    encoder: Encoder
    booster: lgb.Booster
    baseline: Pipeline | None
    log_odds_offset: float

    def probability(self, matrix: Array) -> Array:
        if not len(matrix):
            return np.empty(0)
        return _sigmoid(np.asarray(self.booster.predict(matrix, raw_score=True)) + self.log_odds_offset)

    def baseline_probability(self, matrix: Array) -> Array:
        assert self.baseline is not None
        return _sigmoid(self.baseline.decision_function(matrix) + self.log_odds_offset)


def windows(as_of: pd.Timestamp, params: Params) -> list[Window]:
    """Windows of equal length that end where the next begins, oldest first; the last one is reported."""
    step = pd.Timedelta(days=params.evaluation_days)
    origins = [as_of - step * back for back in range(params.earlier_windows + 1, 0, -1)]
    return [Window(origin, origin + step) for origin in origins]


def first_possible(first_event: pd.Timestamp, params: Params) -> pd.Timestamp:
    """The earliest as_of at which there can be something to learn from and something to be tested on."""
    return first_event + pd.Timedelta(days=7 + 2 * params.evaluation_days)


def split(frame: pd.DataFrame, window: Window, params: Params) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Impressions whose outcome was known at the origin, and those of the window whose outcome was by its end."""
    starts = window.origin - pd.Timedelta(days=params.train_days)
    past = frame[(frame["label_known_at"] <= window.origin) & (frame["shown_at"] >= starts)]
    later = frame[(frame["shown_at"] >= window.origin) & (frame["label_known_at"] <= window.end)]
    return past, later


def rehearse(past: DataFrame[ImpressionFeatures], later: DataFrame[ImpressionFeatures], params: Params) -> Rehearsal:
    """How LightGBM does on an earlier window, and its loss there after each round."""
    model, losses = _fit(past, params, later)
    return Rehearsal(_point_metrics(model, later), losses)


def train(frame: DataFrame[ImpressionFeatures], params: Params) -> Fitted:
    """Fit LightGBM and the baseline; ``customer_attr_…`` columns are features too.

    Raises:
        TooLittleHistory: fewer than ``min_clicks`` clicked impressions.
        MissingColumns: a feature is not in the frame.
        DisguisedLabel: one feature by itself tells the label.
    """
    model, _ = _fit(frame, params)
    baseline = logistic_baseline(model.encoder, params.baseline_inverse_penalty, params.imputation, params.seed)
    baseline.fit(model.encoder.transform(frame), _label(frame))
    features = model.encoder.features
    reference = model.encoder.sample(frame, params.reference_rows, params.seed)
    notes = {"rounds": params.rounds, "rows": len(frame), "clicks": int(_label(frame).sum())}
    return Fitted(replace(model, baseline=baseline), features, reference, notes)


def predict(fitted: Fitted, frame: pd.DataFrame) -> DataFrame[CtrPrediction]:
    """Click probabilities, one per row, in the same order."""
    model: CtrModel = fitted.model
    probability = model.probability(model.encoder.transform(frame))
    return CtrPrediction.validate(pd.DataFrame({"click_probability": probability}, index=frame.index))


def evaluate(fitted: Fitted, frame: DataFrame[ImpressionFeatures], params: Params | None = None) -> Metrics:
    """Metrics on impressions later than training; intervals by resampling customers."""
    params = params or Params()
    model: CtrModel = fitted.model
    matrix = model.encoder.transform(frame)
    clicked, weight = _label(frame), frame["sampling_weight"].to_numpy(dtype=float)
    ours, baseline = model.probability(matrix), model.baseline_probability(matrix)
    auc, baseline_auc = weighted_auc(clicked, ours), weighted_auc(clicked, baseline)
    gain_rows = log_loss_rows(clicked, baseline) - log_loss_rows(clicked, ours)
    aucs, gains = [], []
    for draws in resampled_customers(frame["pseudonym"], params.resamples, params.seed):
        aucs.append(auc(weight * draws))
        gains.append(float(np.average(gain_rows, weights=weight * draws)))
    return _point_metrics(model, frame) | {
        "auc": interval(auc(weight), aucs),
        "log_loss_gain": interval(float(np.average(gain_rows, weights=weight)), gains),
        "baseline_auc": Metric(baseline_auc(weight)),
        "baseline_log_loss": Metric(log_loss(clicked, baseline, weight)),
    }


def _fit(frame: pd.DataFrame, params: Params, later: pd.DataFrame | None = None) -> tuple[CtrModel, pd.Series | None]:
    clicked = _label(frame)
    if clicked.sum() < params.min_clicks or clicked.all():
        raise TooLittleHistory(f"{int(clicked.sum())} clicks among {len(clicked)} impressions to learn from")
    encoder = Encoder.fit(frame, NUMERIC, CATEGORICAL, attributes(frame, "customer_attr_"))
    matrix = encoder.transform(frame)
    refuse_disguised_labels(encoder, matrix, clicked, params.seed)
    weight = frame["sampling_weight"].to_numpy(dtype=float)
    offset = float(np.log(weight[clicked].mean()) - np.log(weight[~clicked].mean()))
    options = {
        "learning_rate": params.learning_rate,
        "num_leaves": params.leaves,
        "min_data_in_leaf": params.min_rows_in_leaf,
        "feature_fraction": 0.8,
        "seed": params.seed,
    }
    unseen = None if later is None else (encoder.transform(later), _label(later))
    booster, losses = boost(encoder, (matrix, clicked), options, params.rounds, unseen)
    return CtrModel(encoder, booster, None, offset), losses


def _point_metrics(model: CtrModel, frame: pd.DataFrame) -> Metrics:
    clicked, weight = _label(frame), frame["sampling_weight"].to_numpy(dtype=float)
    if not clicked.any() or clicked.all():
        raise TooLittleHistory(f"{int(clicked.sum())} clicks among {len(clicked)} impressions to evaluate on")
    probability = model.probability(model.encoder.transform(frame))
    values = {
        "auc": weighted_auc(clicked, probability)(weight),
        "log_loss": log_loss(clicked, probability, weight),
        "normalised_entropy": normalised_entropy(clicked, probability, weight),
        "prediction_ratio": prediction_ratio(clicked, probability, weight),
        "click_ratio": float(np.average(clicked, weights=weight)),
        "rows": float(len(frame)),
    }
    return {name: Metric(value) for name, value in values.items()}


def _label(frame: pd.DataFrame) -> np.ndarray:
    return frame["clicked"].to_numpy(dtype=bool)


def _sigmoid(log_odds: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-log_odds))


def outcomes(fitted: Fitted, later: DataFrame[ImpressionFeatures]) -> pd.DataFrame:
    """What was predicted of each row and what came, for the model card (`models/card/content.py`)."""
    model: CtrModel = fitted.model
    matrix = model.encoder.transform(later)
    predicted = {"predicted": model.probability(matrix), "baseline": model.baseline_probability(matrix)}
    given = later[["pseudonym", "snapshot_at"]].assign(weight=later["sampling_weight"].astype(float))
    return given.assign(actual=_label(later).astype(float), **predicted)
