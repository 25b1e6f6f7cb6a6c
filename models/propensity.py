"""A propensity: the probability that something happens to a row, from LightGBM and logistic regression together.

Both learn the same rows and features; the log-odds of a prediction are a weighted mean of theirs. How many trees,
what share each has and how strong the ridge penalty is, earlier windows choose; there, too, calibration is checked.
CTR and churn are propensities with names of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.special import expit

from models.backtest import Rehearsal
from models.boosting import OneThread, Trees, boost, constraints, staged
from models.bounds import Bounded
from models.calibration import Judged, Repair, choose_repair, refined_loss
from models.disguise import refuse_disguised_labels
from models.encoding import Encoder
from models.errors import TooLittleHistory
from models.folded_linear import folded
from models.imbalance import Imbalance, balance, sampled_rows
from models.imputation import Imputation
from models.linear import Linear, fit_linear
from models.metrics import Array

CHOICES = ("rounds", "boosting_share", "inverse_penalty")


@dataclass(frozen=True, kw_only=True)
class Params(Bounded):
    """How a propensity learns.

    rounds, boosting_share, inverse_penalty: trees, the share of LightGBM in the log-odds, and scikit-learn's C of the
        logistic regression; earlier windows choose among up to ``rounds`` trees, ``boosting_shares`` and
        ``inverse_penalties``.
    learning_rate, leaves, min_rows_in_leaf, feature_share, row_share, ridge: of LightGBM.
    increasing, decreasing: features of which more may only raise, or only lower, LightGBM's probability.
    linear_rows, rehearsed_linear_rows: the logistic regression learns from at most so many rows, drawn at random, and
        from so many while earlier windows choose.
    imputation: what takes the place of missing numbers in the logistic regression.
    imbalance: what is done about a rare class.
    repair: the line that log-odds are put through, from earlier windows.
    min_positives: with fewer to learn from, training is refused.
    """

    rounds: int = 100
    boosting_share: float = 1.0
    boosting_shares: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    inverse_penalty: float = 0.1
    inverse_penalties: tuple[float, ...] = (0.01, 0.1, 1.0)
    learning_rate: float = 0.1
    leaves: int = 31
    min_rows_in_leaf: int = 100
    feature_share: float = 0.8
    row_share: float = 1.0
    ridge: float = 0.0
    increasing: tuple[str, ...] = ()
    decreasing: tuple[str, ...] = ()
    linear_rows: int = 100_000
    rehearsed_linear_rows: int = 60_000
    imputation: Imputation = "mean"
    imbalance: Imbalance = "none"
    repair: Repair = field(default_factory=Repair)
    min_positives: int = 30
    seed: int = 20170101


@dataclass(frozen=True)
class Propensity:
    """The fitted pieces; the offsets, added to log-odds, undo how classes were sampled or weighed for each part;
    ``pivot`` is the log-odds of the base rate.
    """

    encoder: Encoder
    booster: Trees
    linear: Linear
    boosting_share: float
    boosted_offset: float
    linear_offset: float
    pivot: float
    repair: Repair

    def probability(self, frame: pd.DataFrame) -> Array:
        """One per row; 0 to 1."""
        return self.probability_of(self.encoder.transform(frame))

    def probability_of(self, matrix: Array) -> Array:
        """The same; ``matrix`` is the encoder's."""
        return np.asarray(expit(self._log_odds(matrix))) if len(matrix) else np.empty(0)

    def for_few_rows(self) -> "Propensity":
        """One that says the same (to rounding) of a few rows a hundred times faster; not to be saved."""
        return replace(self, booster=OneThread(self.booster), linear=folded(self.linear))

    def baseline_probability(self, frame: pd.DataFrame) -> Array:
        """What the logistic regression alone says."""
        return np.asarray(expit(self._linear_log_odds(self.encoder.transform(frame))))

    def contributions(self, frame: pd.DataFrame) -> pd.DataFrame:
        """What each feature adds to the log-odds of the average training row; a column each, and ``average``.

        Rows add up to the log-odds of the prediction: LightGBM's own contributions (Lundberg et al., "Consistent
        Individualized Feature Attribution for Tree Ensembles", 2018) and coefficients × distance from the mean.
        """
        matrix = self.encoder.transform(frame)
        if not len(matrix):  # LightGBM and scikit-learn refuse them
            return pd.DataFrame(columns=[*self.encoder.features, "average"], index=frame.index, dtype=float)
        boosted = np.asarray(self.booster.predict(matrix, pred_contrib=True)).reshape(len(matrix), -1)
        share, slope = self.boosting_share, self.repair.slope
        added = slope * (share * boosted[:, :-1] + (1 - share) * self.linear.contributions(matrix))
        parts = pd.DataFrame(added, columns=list(self.encoder.features), index=frame.index)
        return parts.assign(average=self._log_odds(matrix) - parts.sum(axis=1))

    def _log_odds(self, matrix: Array) -> Array:
        boosted = np.asarray(self.booster.predict(matrix, raw_score=True)) + self.boosted_offset
        if self.boosting_share == 1:  # the linear part would cost more than the trees
            return self.repair(boosted, self.pivot)
        both = self.boosting_share * boosted + (1 - self.boosting_share) * self._linear_log_odds(matrix)
        return self.repair(both, self.pivot)

    def _linear_log_odds(self, matrix: Array) -> Array:
        return self.linear.log_odds(matrix) + self.linear_offset if len(matrix) else np.empty(0)


@dataclass(frozen=True)
class Candidates:
    """What each choice would have said of the rows of an earlier window: log-odds by rounds, and by penalty."""

    label: np.ndarray
    weight: Array
    boosted: dict[int, Array]
    linear: dict[float, Array]
    shares: tuple[float, ...]
    pivot: float

    def losses(self) -> pd.Series:
        """Of every choice the log-loss in nats after the best repair; levels are named like the parameters."""
        found = {
            (rounds, share, penalty): refined_loss(self._judged(rounds, share, penalty))
            for rounds in self.boosted
            for share in self.shares
            # where one part has no say, its choices all mean the same: the first stands for them
            for penalty in (list(self.linear) if share < 1 else list(self.linear)[:1])
            if share > 0 or rounds == next(iter(self.boosted))
        }
        return pd.Series(found).rename_axis(list(CHOICES))

    def judged(self, params: Params) -> Judged:
        """What the choice in ``params`` says, unrepaired."""
        return self._judged(params.rounds, params.boosting_share, params.inverse_penalty)

    def _judged(self, rounds: int, share: float, penalty: float) -> Judged:
        log_odds = share * self.boosted[rounds] + (1 - share) * self.linear[penalty]
        return Judged(self.label, log_odds, self.weight, self.pivot)


def fit(frame: pd.DataFrame, label: np.ndarray, encoder: Encoder, params: Params, log_odds_offset: float) -> Propensity:
    """Learn from rows and their labels.

    Raises:
        TooLittleHistory: fewer than ``min_positives`` positives, or nothing but positives.
        DisguisedLabel: one feature by itself tells the label.
    """
    matrix, booster, boosted_offset = _boosted(frame, label, encoder, params)
    linear, linear_offset = _linear(matrix, label, encoder, params, (params.inverse_penalty,), params.linear_rows)
    offsets = boosted_offset + log_odds_offset, linear_offset + log_odds_offset
    pivot = _base_log_odds(label) + log_odds_offset
    chosen = linear[params.inverse_penalty]
    return Propensity(encoder, booster, chosen, params.boosting_share, *offsets, pivot, params.repair)


def candidates(
    past: pd.DataFrame,
    label: np.ndarray,
    later: pd.DataFrame,
    later_label: np.ndarray,
    later_weight: Array,
    encoder: Encoder,
    params: Params,
    log_odds_offset: float,
    step: int = 10,
) -> tuple[Propensity, Candidates]:
    """Learn from the past as ``fit`` does, and what every choice says of later rows."""
    matrix, booster, boosted_offset = _boosted(past, label, encoder, params)
    penalties = tuple(dict.fromkeys((*params.inverse_penalties, params.inverse_penalty)))
    rows = min(params.rehearsed_linear_rows, params.linear_rows)
    linear, linear_offset = _linear(matrix, label, encoder, params, penalties, rows)
    boosted_offset, linear_offset = boosted_offset + log_odds_offset, linear_offset + log_odds_offset
    unseen = encoder.transform(later)
    pivot = _base_log_odds(label) + log_odds_offset
    chosen, share = linear[params.inverse_penalty], params.boosting_share
    fitted = Propensity(encoder, booster, chosen, share, boosted_offset, linear_offset, pivot, params.repair)
    return fitted, Candidates(
        later_label,
        later_weight,
        {rounds: scores + boosted_offset for rounds, scores in staged(booster, unseen, step, params.rounds)},
        {penalty: regression.log_odds(unseen) + linear_offset for penalty, regression in linear.items()},
        params.boosting_shares,
        pivot,
    )


def choose(rehearsals: Sequence[Rehearsal], params: Any) -> Any:
    """The choices with the least mean log-loss over the earlier windows, and the repair they need; none without any."""
    if not rehearsals:
        return params
    windows: list[Candidates] = [rehearsal.evidence for rehearsal in rehearsals]
    losses = pd.concat([window.losses() for window in windows], axis=1, join="inner").mean(axis=1)
    best: Any = losses.idxmin()
    chosen = replace(params, rounds=int(best[0]), boosting_share=float(best[1]), inverse_penalty=float(best[2]))
    return replace(chosen, repair=choose_repair([window.judged(chosen) for window in windows]))


def _base_log_odds(label: np.ndarray) -> float:
    return float(np.log(label.sum() / (~label).sum()))


def _boosted(
    frame: pd.DataFrame, label: np.ndarray, encoder: Encoder, params: Params
) -> tuple[Array, lgb.Booster, float]:
    if label.sum() < params.min_positives or label.all():
        raise TooLittleHistory(f"{int(label.sum())} positives among {len(label)} rows to learn from")
    matrix = encoder.transform(frame)
    refuse_disguised_labels(encoder, matrix, label, params.seed)
    balanced = balance(encoder, matrix, label, params.imbalance, params.seed)
    options = {
        "learning_rate": params.learning_rate,
        "num_leaves": params.leaves,
        "min_data_in_leaf": params.min_rows_in_leaf,
        "feature_fraction": params.feature_share,
        "bagging_fraction": params.row_share,
        "bagging_freq": int(params.row_share < 1),
        "lambda_l2": params.ridge,
        "monotone_constraints": constraints(encoder, params.increasing, params.decreasing),
        "max_bin": 63,  # no worse than 255 on earlier windows, and faster
        "seed": params.seed,
    }
    booster = boost(encoder, balanced.matrix, balanced.label, options, params.rounds, balanced.weight)
    return matrix, booster, balanced.log_odds_offset


def _linear(
    matrix: Array, label: np.ndarray, encoder: Encoder, params: Params, penalties: tuple[float, ...], rows: int
) -> tuple[dict[float, Linear], float]:
    """By penalty, and what their log-odds are off by."""
    drawn = sampled_rows(label, rows, params.seed)
    balanced = balance(encoder, matrix[drawn], label[drawn], params.imbalance, params.seed)
    fitted = fit_linear(
        encoder,
        balanced.matrix,
        balanced.label,
        penalties,
        params.imputation,
        params.seed,
        balanced.weight,
    )
    return fitted, balanced.log_odds_offset + _base_log_odds(label) - _base_log_odds(label[drawn])
