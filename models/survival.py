"""When will a customer order again, if at all? Time to the next order, cut off where the horizon ends.

Weibull accelerated failure time tells days, Cox's proportional hazards tells what matters; both from lifelines, on
the same standardised covariates (Davidson-Pilon, "lifelines: survival analysis in Python", JOSS 2019). What is kept are
their coefficients: predictions need closed forms only.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from models.encoding import require_columns, signed_log, to_numbers
from models.errors import TooLittleHistory
from models.metrics import Array, Figure

PENALTIES = (0.01, 1.0)  # the second where the first does not converge
SCORE_BINS = 1_000
_SHORTEST = 1e-3  # days; an order at the very instant of the snapshot


@dataclass(frozen=True)
class Silence:
    """How long customers go without an order, S(t) = exp(-(t / scale)^shape); one ``scale`` each, in days."""

    scale: Array
    shape: float

    def chance_of_none(self, days: npt.ArrayLike) -> Array:
        """The probability that no order comes within so many days: S(t)."""
        return np.asarray(np.exp(-((np.asarray(days, dtype=float) / self.scale) ** self.shape)))

    def median_days(self) -> Array:
        """Days by which every second such customer orders again."""
        return self.scale * np.log(2) ** (1 / self.shape)

    def lapsed_from(self, horizon_days: float, chance: float) -> Array:
        """The first day, 0 to the horizon, on which silence so far makes it likelier than ``chance`` that the customer
        stays away for all of the horizon: S(horizon) / S(t) > chance.
        """
        # the days' power at which the ratio is reached
        left = (horizon_days / self.scale) ** self.shape + np.log(chance)
        days = np.floor(self.scale * np.clip(left, 0, None) ** (1 / self.shape)) + (left > 0)
        return np.minimum(days, horizon_days)


@dataclass(frozen=True)
class Survival:
    """Coefficients on standardised covariates; ``hazard_ratios`` are Cox's per standard deviation of a logarithm."""

    covariates: tuple[str, ...]
    preparation: Pipeline
    log_scale: Array
    log_scale_intercept: float
    shape: float
    log_hazard: Array
    hazard_ratios: dict[str, tuple[float, float, float]]

    def chance_of_none(self, frame: pd.DataFrame, days: npt.ArrayLike) -> Array:
        """As ``Silence`` has it, and so are the next two."""
        return self.silence(_matrix(frame, self.covariates)).chance_of_none(days)

    def median_days(self, frame: pd.DataFrame) -> Array:
        return self.silence(_matrix(frame, self.covariates)).median_days()

    def lapsed_from(self, frame: pd.DataFrame, horizon_days: float, chance: float) -> Array:
        return self.silence(_matrix(frame, self.covariates)).lapsed_from(horizon_days, chance)

    def relative_hazard(self, frame: pd.DataFrame) -> Array:
        """Cox's hazard of ordering, relative to the average customer's."""
        return np.asarray(np.exp(self._prepared(_matrix(frame, self.covariates)) @ self.log_hazard))

    def silence(self, matrix: Array) -> Silence:
        """``matrix`` has the covariates for columns, NaN where missing."""
        scale = np.exp(self.log_scale_intercept + self._prepared(matrix) @ self.log_scale)
        return Silence(np.asarray(scale), self.shape)

    def _prepared(self, matrix: Array) -> Array:
        """What the preparation makes of it, without its checks, which take a row longer than all the rest."""
        imputer, scaler = self.preparation[1], self.preparation[2]
        logs = signed_log(matrix)
        return np.asarray((np.where(np.isnan(logs), imputer.statistics_, logs) - scaler.mean_) / scaler.scale_)


def fit_survival(
    frame: pd.DataFrame,
    days: pd.Series,
    horizon_days: float,
    covariates: tuple[str, ...],
    customers: pd.Series | None = None,
) -> Survival:
    """Learn from days to the next order; missing where none came within the horizon.

    Covariates that do not vary are given no weight. Rows of one of the ``customers`` say much the same: the intervals
    of hazard ratios count customers, not rows (Lin & Wei, "The robust inference for the Cox proportional hazards
    model", 1989).

    Raises:
        MissingColumns: a covariate is not in the frame.
        TooLittleHistory: the data do not determine the coefficients.
    """
    from lifelines import CoxPHFitter, WeibullAFTFitter  # only training needs it, and it draws Matplotlib in

    require_columns(frame, covariates)
    matrix = _matrix(frame, covariates)
    preparation = make_pipeline(
        FunctionTransformer(signed_log), SimpleImputer(keep_empty_features=True), StandardScaler()
    ).fit(matrix)
    prepared = preparation.transform(matrix)
    vary = prepared.std(axis=0) > 1e-9
    observed = days.notna().to_numpy()
    lasted = np.clip(days.fillna(horizon_days).to_numpy(dtype=float), _SHORTEST, horizon_days)
    table = pd.DataFrame(prepared[:, vary], columns=np.array(covariates)[vary]).assign(days=lasted, ordered=observed)
    weibull = _fitted(WeibullAFTFitter, table)
    if customers is None:
        cox = _fitted(CoxPHFitter, table)
    else:
        codes = pd.factorize(customers)[0]
        cox = _fitted(CoxPHFitter, table.assign(customer=codes), cluster_col="customer")
    log_scale, log_hazard = np.zeros(len(covariates)), np.zeros(len(covariates))
    names = [name for name, varies in zip(covariates, vary, strict=True) if varies]
    log_scale[vary] = weibull.params_["lambda_"][names]
    log_hazard[vary] = cox.params_[names]
    ratios = np.exp(pd.concat([cox.params_, cox.confidence_intervals_], axis=1)).to_numpy(dtype=float).tolist()
    rows = zip(names, ratios, strict=True)
    return Survival(
        covariates,
        preparation,
        log_scale,
        float(weibull.params_[("lambda_", "Intercept")]),
        float(np.exp(weibull.params_[("rho_", "Intercept")])),
        log_hazard,
        {name: (round(ratio, 4), round(low, 4), round(high, 4)) for name, (ratio, low, high) in rows},
    )


def concordance(days: Array, ordered: np.ndarray, score: Array) -> Figure:
    """Of two customers of whom one is known to have ordered first, how often has that one the lower ``score``?

    Harrell's C, with equal scores counted half, as a function of row weights. Scores are cut into ``SCORE_BINS``
    ranks and orders on the same day count as equal, so that a resample costs a sum over a table.
    """
    day = np.floor(days).astype(int)
    rank = (SCORE_BINS * (pd.Series(score).rank(method="average").to_numpy() - 1) // len(score)).astype(int)
    cell, shape = day * SCORE_BINS + rank, (day.max() + 1, SCORE_BINS)

    def share(weight: npt.ArrayLike) -> float:
        w = np.asarray(weight, dtype=float)
        events = np.bincount(cell, w * ordered, np.prod(shape)).reshape(shape)
        everybody = np.bincount(cell, w, np.prod(shape)).reshape(shape)
        later = everybody[::-1].cumsum(axis=0)[::-1] - everybody  # who was still silent after that day
        censored = everybody - events
        later = later + censored  # cut off on the same day: known to have lasted longer
        above = later[:, ::-1].cumsum(axis=1)[:, ::-1] - later / 2
        pairs = float((events * later.sum(axis=1, keepdims=True)).sum())
        return float((events * above).sum() / pairs) if pairs > 0 else float("nan")

    return share


def _matrix(frame: pd.DataFrame, covariates: tuple[str, ...]) -> Array:
    require_columns(frame, covariates)
    return np.column_stack([to_numbers(frame[name]) for name in covariates]).reshape(len(frame), len(covariates))


def _fitted(fitter: Any, table: pd.DataFrame, **options: Any) -> Any:
    from lifelines.exceptions import ConvergenceError, ConvergenceWarning

    for penalty in PENALTIES:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", ConvergenceWarning)
                warnings.simplefilter("ignore", RuntimeWarning)
                return fitter(penalizer=penalty).fit(table, "days", "ordered", **options)
        except (ConvergenceError, ConvergenceWarning) as error:
            reason = error
    raise TooLittleHistory(f"times to the next order cannot be learned from {len(table)} rows: {reason}")
