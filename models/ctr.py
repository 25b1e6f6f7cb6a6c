"""CTR: the probability that a customer takes what an impression shows.

A propensity learned on the sampled impressions as they are, its log-odds then moved by the sampling rate, so that
probabilities are those of the unsampled world (King & Zeng, "Logistic Regression in Rare Events Data", 2001, prior
correction). Its logistic regression on the same features is the baseline.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame

from infra.contracts import CtrPrediction, ImpressionFeatures
from models import explanation, propensity
from models.backtest import Rehearsal, Window
from models.calibration import worst_bin, worst_week
from models.encoding import Encoder, attributes
from models.errors import TooLittleHistory
from models.fitted import Fitted
from models.metrics import (
    Array,
    Figure,
    Metrics,
    at_once,
    average,
    difference,
    log_loss,
    normalised_entropy,
    prediction_ratio,
    weighted_auc,
    with_intervals,
)
from models.propensity import Propensity
from models.row_encoding import row_encoder
from models.scoring import Scorer, compiled

CATEGORICAL = ("channel", "placement", "department")
_NOT_FEATURES = {
    *("impression_id", "pseudonym", "shown_at", "snapshot_at", "label_known_at", "clicked", "sampling_weight"),
    *CATEGORICAL,
}
NUMERIC = tuple(name for name in ImpressionFeatures.to_schema().columns if name not in _NOT_FEATURES)


@dataclass(frozen=True, kw_only=True)
class Params(propensity.Params):
    """How the model learns; see ``propensity.Params`` for the rest.

    train_days: impressions this old and younger are learned from.
    evaluation_days: length of each window.
    earlier_windows: how many windows before the reported one serve for choices.
    """

    train_days: int = 182
    evaluation_days: int = 28
    earlier_windows: int = 3
    rounds: int = 70
    boosting_shares: tuple[float, ...] = (0.8, 0.9, 1.0)
    inverse_penalty: float = 1.0
    inverse_penalties: tuple[float, ...] = (0.1, 1.0)
    learning_rate: float = 0.15
    leaves: int = 63
    min_rows_in_leaf: int = 200
    feature_share: float = 0.5
    rehearsed_linear_rows: int = 25_000
    min_positives: int = 200
    reference_rows: int = 2_000
    resamples: int = 200


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
    """How the model does on an earlier window, and what every choice would have said there."""
    encoder, offset = _encoder(past), _sampling_offset(past)
    model, candidates = propensity.candidates(
        past, _label(past), later, _label(later), _weight(later), encoder, params, offset
    )
    figures = _figures(later, model.probability(later))
    return Rehearsal(at_once(figures, _weight(later)), candidates)


def choose(rehearsals: Sequence[Rehearsal], params: Params) -> Params:
    """What did best on the earlier windows."""
    chosen: Params = propensity.choose(rehearsals, params)
    return chosen


def train(frame: DataFrame[ImpressionFeatures], params: Params) -> Fitted:
    """Fit on impressions whose outcome is known; ``customer_attr_…`` columns are features too.

    Raises:
        TooLittleHistory: fewer than ``min_positives`` clicked impressions, or none unclicked.
        MissingColumns: a feature is not in the frame.
        DisguisedLabel: one feature by itself tells the label.
    """
    encoder = _encoder(frame)
    model = propensity.fit(frame, _label(frame), encoder, params, _sampling_offset(frame))
    reference = encoder.sample(frame, params.reference_rows, params.seed)
    notes = {"rows": len(frame), "clicks": int(_label(frame).sum())}
    return Fitted(model, encoder.features, reference, notes)


def predict(fitted: Fitted, frame: pd.DataFrame) -> DataFrame[CtrPrediction]:
    """Click probabilities, one per row, in the same order; what is unknown of a row gets the prior for it."""
    model: Propensity = fitted.model
    return CtrPrediction.validate(pd.DataFrame({"click_probability": model.probability(frame)}, index=frame.index))


def scorer(fitted: Fitted, columns: Sequence[str]) -> Scorer:
    """What ``predict`` says, of rows whose values are in the order of ``columns``.

    Raises:
        MissingColumns: a feature is not among the columns.
    """
    model: Propensity = fitted.model
    fast = model.for_few_rows()

    def judge(matrix: Array) -> dict[str, Array]:
        return {"click_probability": fast.probability_of(matrix)}

    return compiled(row_encoder(model.encoder, columns), judge, CtrPrediction)


def explain(fitted: Fitted, frame: pd.DataFrame, most: int = 3) -> list[list[str]]:
    """Each row's strongest reasons in words."""
    return explanation.explain(fitted.model.contributions(frame), frame, most)


def drivers(fitted: Fitted, frame: pd.DataFrame) -> pd.DataFrame:
    """What moves predictions over (at most 2,000 of) these rows: driver, share, direction."""
    some = frame.sample(min(2_000, len(frame)), random_state=0)
    return explanation.drivers(fitted.model.contributions(some), some)


def outcomes(fitted: Fitted, frame: DataFrame[ImpressionFeatures]) -> pd.DataFrame:
    """What was predicted and what came: pseudonym, snapshot_at, actual, predicted, baseline, weight."""
    model: Propensity = fitted.model
    return frame[["pseudonym", "snapshot_at"]].assign(
        actual=_label(frame).astype(float),
        predicted=model.probability(frame),
        baseline=model.baseline_probability(frame),
        weight=_weight(frame),
    )


def evaluate(fitted: Fitted, frame: DataFrame[ImpressionFeatures], params: Params | None = None) -> Metrics:
    """Metrics on impressions later than training; intervals by resampling customers."""
    params = params or Params()
    model: Propensity = fitted.model
    clicked = _label(frame)
    ours, baseline = model.probability(frame), model.baseline_probability(frame)
    figures = _figures(frame, ours) | {
        "worst_bin": worst_bin(clicked, ours),
        "worst_week": worst_week(frame["shown_at"], clicked, ours),
        "log_loss_gain": difference(log_loss(clicked, baseline), log_loss(clicked, ours)),
        "baseline_auc": weighted_auc(clicked, baseline),
        "baseline_log_loss": log_loss(clicked, baseline),
        "baseline_normalised_entropy": normalised_entropy(clicked, baseline),
    }
    measured = with_intervals(figures, frame["pseudonym"], _weight(frame), params.resamples, params.seed)
    return measured | at_once({"rows": lambda _: float(len(frame))}, _weight(frame))


def _figures(frame: pd.DataFrame, probability: Array) -> dict[str, Figure]:
    clicked = _label(frame)
    if not clicked.any() or clicked.all():
        raise TooLittleHistory(f"{int(clicked.sum())} clicks among {len(clicked)} impressions to evaluate on")
    return {
        "auc": weighted_auc(clicked, probability),
        "log_loss": log_loss(clicked, probability),
        "normalised_entropy": normalised_entropy(clicked, probability),
        "prediction_ratio": prediction_ratio(clicked, probability),
        "click_ratio": average(clicked.astype(float)),
    }


def _encoder(frame: pd.DataFrame) -> Encoder:
    return Encoder.fit(frame, NUMERIC, CATEGORICAL, attributes(frame, "customer_attr_"))


def _sampling_offset(frame: pd.DataFrame) -> float:
    """What turns the log-odds of the sample into those of all impressions; 0 where a class is missing."""
    clicked, weight = _label(frame), _weight(frame)
    if not clicked.any() or clicked.all():
        return 0.0
    return float(np.log(weight[clicked].mean()) - np.log(weight[~clicked].mean()))


def _label(frame: pd.DataFrame) -> np.ndarray:
    return frame["clicked"].to_numpy(dtype=bool)


def _weight(frame: pd.DataFrame) -> Array:
    return frame["sampling_weight"].to_numpy(dtype=float)
