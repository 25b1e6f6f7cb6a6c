"""Churn: the probability that an active customer lets the whole horizon pass without an order, and when to act.

A propensity with small trees, because the data is small; beside it, on the same rows, its logistic regression and
recency alone. A survival model of the time to the next order says by when half such customers are back, and from
which day on silence means leaving. Evaluation pools every later snapshot whose label window starts after the last
label window of training has ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame

from infra.contracts import ChurnExamples, ChurnPrediction, CustomerFeatures
from models import explanation, propensity
from models.backtest import Rehearsal, Window
from models.encoding import Encoder, attributes, to_numbers
from models.errors import TooLittleHistory
from models.fitted import Fitted
from models.metrics import (
    Array,
    Figure,
    Metrics,
    at_once,
    average,
    average_precision,
    base_rate_brier,
    brier_score,
    difference,
    lift_at_top,
    log_loss,
    prediction_ratio,
    weighted_auc,
    with_intervals,
)
from models.propensity import Propensity
from models.row_encoding import row_encoder
from models.scoring import Scorer, compiled
from models.snapshots import SNAPSHOT_DAYS, every_nth
from models.snapshots import windows as windows
from models.survival import Survival, concordance, fit_survival

STATIC = ("region", "age_band", "gender", "income_band", "household_size")
_NOT_FEATURES = {"pseudonym", "snapshot_at", "click_ratio", *STATIC}  # click_ratio: no gain on earlier windows
NUMERIC = tuple(name for name in CustomerFeatures.to_schema().columns if name not in _NOT_FEATURES)
SINCE_LAST_ORDER, TO_EXPIRY = "days_since_last_order", "days_to_expiry"
COVARIATES = (
    SINCE_LAST_ORDER,
    "order_gap_mean_days",
    "recency_to_gap_ratio",
    "tenure_days",
    "orders_14d",
    "orders_28d",
    "orders_84d",
    "order_weeks_84d",
    "amount_84d",
)
BEFORE_EXPIRY_DAYS = 15


@dataclass(frozen=True, kw_only=True)
class Params(propensity.Params):
    """How the model learns; see ``propensity.Params`` for the rest.

    window_days: who has not ordered for longer has lapsed already, and is neither learned from nor scored.
    horizon_days: length of the label window.
    train_every: learn from every so many-th snapshot (neighbours hold nearly the same rows).
    evaluation_days: how long before the last labelled snapshot evaluation starts.
    earlier_windows, window_step_days: windows before the reported one, for choices, and their length.
    medium_risk, high_risk: risk bands begin at these multiples of the odds of the training base rate.
    lapsed_chance: make contact when it is likelier than this that silence means leaving.
    """

    window_days: int = 56
    horizon_days: int = 56
    train_every: int = 4
    evaluation_days: int = 56
    earlier_windows: int = 3
    window_step_days: int = 28
    rounds: int = 300
    learning_rate: float = 0.03
    leaves: int = 7
    min_rows_in_leaf: int = 100
    feature_share: float = 0.5
    row_share: float = 0.7
    ridge: float = 10.0
    medium_risk: float = 1.0
    high_risk: float = 4.0
    lapsed_chance: float = 0.5
    reference_rows: int = 2_000
    resamples: int = 200


@dataclass(frozen=True)
class ChurnModel:
    """Whether and when; and where the risk bands begin."""

    propensity: Propensity
    survival: Survival
    window_days: int
    horizon_days: int
    lapsed_chance: float
    medium_risk: float
    high_risk: float


def first_possible(first_event: pd.Timestamp, params: Params) -> pd.Timestamp:
    """The earliest as_of with one labelled training snapshot before the reported window."""
    return first_event + pd.Timedelta(days=SNAPSHOT_DAYS + 2 * params.horizon_days + params.evaluation_days)


def split(frame: pd.DataFrame, window: Window, params: Params) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every ``train_every``-th snapshot labelled by the origin, and all snapshots of the window."""
    labelled = frame[frame["label_ends_at"] <= window.origin]
    later = frame[frame["snapshot_at"].between(window.origin, window.end)]
    return every_nth(labelled, params.train_every), later


def rehearse(past: DataFrame[ChurnExamples], later: DataFrame[ChurnExamples], params: Params) -> Rehearsal:
    """How the model does on an earlier window, and what every choice would have said there."""
    ones, encoder = np.ones(len(later)), _encoder(past)
    model, candidates = propensity.candidates(past, _label(past), later, _label(later), ones, encoder, params, 0.0)
    return Rehearsal(at_once(_figures(later, model.probability(later)), ones), candidates)


def choose(rehearsals: Sequence[Rehearsal], params: Params) -> Params:
    """What did best on the earlier windows."""
    chosen: Params = propensity.choose(rehearsals, params)
    return chosen


def train(frame: DataFrame[ChurnExamples], params: Params) -> Fitted:
    """Fit on labelled examples; ``attr_…`` columns are features too.

    Raises:
        TooLittleHistory: fewer than ``min_positives`` customers who churned, or nobody who did not.
        MissingColumns: a feature is not in the frame.
        DisguisedLabel: one feature by itself tells the label.
    """
    encoder, churned = _encoder(frame), _label(frame)
    who = propensity.fit(frame, churned, encoder, params, 0.0)
    when = fit_survival(frame, frame["next_order_days"], params.horizon_days, COVARIATES, frame["pseudonym"])
    odds = float(churned.mean() / (1 - churned.mean()))
    medium, high = (times * odds / (1 + times * odds) for times in (params.medium_risk, params.high_risk))
    model = ChurnModel(who, when, params.window_days, params.horizon_days, params.lapsed_chance, medium, high)
    reference = encoder.sample(frame, params.reference_rows, params.seed)
    notes = {
        "rows": len(frame),
        "churned": int(churned.sum()),
        "snapshots": sorted(frame["snapshot_at"].dt.strftime("%Y-%m-%d").unique()),
        "hazard_ratios": {explanation.in_words(name): ratio for name, ratio in when.hazard_ratios.items()},
    }
    return Fitted(model, encoder.features, reference, notes)


def predict(fitted: Fitted, frame: pd.DataFrame) -> DataFrame[ChurnPrediction]:
    """One per row, in the same order: churn probability and risk band; days by which half such customers have ordered;
    and the day, counted from the snapshot, to make contact on.

    That is the first day on which silence so far means leaving rather than pausing (``Survival.lapsed_from``), or 15
    days before the membership ends, whichever comes first. Whoever has lapsed already has that for a risk band, and
    nothing else: nobody like that was learned from.
    """
    model: ChurnModel = fitted.model
    told = _told(
        model,
        model.propensity.probability(frame),
        model.survival.median_days(frame),
        model.survival.lapsed_from(frame, model.horizon_days, model.lapsed_chance),
        to_numbers(frame[SINCE_LAST_ORDER]),
        to_numbers(frame[TO_EXPIRY]),
    )
    return ChurnPrediction.validate(pd.DataFrame(told, index=frame.index))


def scorer(fitted: Fitted, columns: Sequence[str]) -> Scorer:
    """What ``predict`` says, of rows whose values are in the order of ``columns``.

    Raises:
        MissingColumns: a feature is not among the columns.
    """
    model: ChurnModel = fitted.model
    encoder, who, when = model.propensity.encoder, model.propensity.for_few_rows(), model.survival
    covariates = [encoder.features.index(name) for name in when.covariates]
    since_last_order, to_expiry = (encoder.features.index(name) for name in (SINCE_LAST_ORDER, TO_EXPIRY))

    def judge(matrix: Array) -> dict[str, np.ndarray]:
        silence = when.silence(matrix[:, covariates])
        lapsed_from = silence.lapsed_from(model.horizon_days, model.lapsed_chance)
        return _told(
            model,
            who.probability_of(matrix),
            silence.median_days(),
            lapsed_from,
            matrix[:, since_last_order],
            matrix[:, to_expiry],
        )

    return compiled(row_encoder(encoder, columns), judge, ChurnPrediction)


def explain(fitted: Fitted, frame: pd.DataFrame, most: int = 3) -> list[list[str]]:
    """Each row's strongest reasons in words; of whoever has lapsed, that."""
    model: ChurnModel = fitted.model
    reasons = explanation.explain(model.propensity.contributions(frame), frame, most)
    lapsed = f"no order for more than {model.window_days} days: lapsed already"
    return [[lapsed] if gone else given for gone, given in zip(_lapsed(model, frame), reasons, strict=True)]


def drivers(fitted: Fitted, frame: pd.DataFrame) -> pd.DataFrame:
    """What moves predictions over (at most 2,000 of) these rows: driver, share, direction."""
    some = frame.sample(min(2_000, len(frame)), random_state=0)
    return explanation.drivers(fitted.model.propensity.contributions(some), some)


def outcomes(fitted: Fitted, frame: DataFrame[ChurnExamples]) -> pd.DataFrame:
    """What was predicted and what came: pseudonym, snapshot_at, actual, predicted, baseline, weight."""
    who: Propensity = fitted.model.propensity
    return frame[["pseudonym", "snapshot_at"]].assign(
        actual=_label(frame).astype(float),
        predicted=who.probability(frame),
        baseline=who.baseline_probability(frame),
        weight=1.0,
    )


def evaluate(fitted: Fitted, frame: DataFrame[ChurnExamples], params: Params | None = None) -> Metrics:
    """Metrics on later snapshots, pooled; intervals by resampling customers."""
    params = params or Params()
    model: ChurnModel = fitted.model
    churned, probability = _label(frame), model.propensity.probability(frame)
    ours = weighted_auc(churned, probability)
    linear = weighted_auc(churned, model.propensity.baseline_probability(frame))
    recency = weighted_auc(churned, frame[SINCE_LAST_ORDER].to_numpy(dtype=float))
    ordered = frame["next_order_days"].notna().to_numpy()
    days = frame["next_order_days"].fillna(model.horizon_days).to_numpy(dtype=float)
    figures = _figures(frame, probability) | {
        "gain_over_recency": difference(ours, recency),
        "gain_over_baseline": difference(ours, linear),
        "baseline_auc": linear,
        "recency_auc": recency,
        "base_rate_brier": base_rate_brier(churned),
        "concordance": concordance(days, ordered, model.survival.median_days(frame)),
        "cox_concordance": concordance(days, ordered, -model.survival.relative_hazard(frame)),
        "survival_prediction_ratio": prediction_ratio(
            churned, model.survival.chance_of_none(frame, model.horizon_days)
        ),
    }
    measured = with_intervals(figures, frame["pseudonym"], np.ones(len(frame)), params.resamples, params.seed)
    return measured | at_once({"rows": lambda _: float(len(frame))}, np.ones(len(frame)))


def _figures(frame: pd.DataFrame, probability: Array) -> dict[str, Figure]:
    churned = _label(frame)
    if not churned.any() or churned.all():
        raise TooLittleHistory(f"{int(churned.sum())} churned among {len(churned)} examples to evaluate on")
    return {
        "auc": weighted_auc(churned, probability),
        "pr_auc": average_precision(churned, probability),
        "top_decile_lift": lift_at_top(churned, probability),
        "log_loss": log_loss(churned, probability),
        "brier": brier_score(churned, probability),
        "prediction_ratio": prediction_ratio(churned, probability),
        "churn_rate": average(churned.astype(float)),
    }


def _encoder(frame: pd.DataFrame) -> Encoder:
    return Encoder.fit(frame, NUMERIC, STATIC, attributes(frame))


def _label(frame: pd.DataFrame) -> np.ndarray:
    return frame["churned"].to_numpy(dtype=bool)


def _told(
    model: ChurnModel, probability: Array, median: Array, lapsed_from: Array, since_last_order: Array, to_expiry: Array
) -> dict[str, np.ndarray]:
    """The columns of a prediction; all but the probability are in days."""
    lapsed = since_last_order > model.window_days
    bands = [lapsed, probability >= model.high_risk, probability >= model.medium_risk]
    before_expiry = np.where(to_expiry >= 0, to_expiry - BEFORE_EXPIRY_DAYS, np.nan)  # one that is over ends nothing
    contact = np.clip(np.floor(np.fmin(lapsed_from, before_expiry)), 0, None)
    return {
        "churn_probability": np.where(lapsed, np.nan, probability),
        "risk_band": np.select(bands, ["lapsed", "high", "medium"], "low").astype(str),
        "median_days_to_order": np.where(lapsed, np.nan, median),
        "contact_day": np.where(lapsed, np.nan, contact),
    }


def _lapsed(model: ChurnModel, frame: pd.DataFrame) -> np.ndarray:
    return to_numbers(frame[SINCE_LAST_ORDER]) > model.window_days
