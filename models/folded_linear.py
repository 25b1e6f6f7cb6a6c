"""The logistic regression as plain arrays: for each number a weight, for each level of a category what it adds.

scikit-learn checks what it is given at each of its steps, which takes a row a hundred times as long as the arithmetic.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.impute import SimpleImputer

from models.encoding import signed_log
from models.linear import Linear
from models.metrics import Array


@dataclass(frozen=True)
class FoldedLinear(Linear):
    """Log-odds are a constant and what each feature adds.

    A number adds its logarithm times its weight (``weights``), or, missing, its part of ``gaps``. ``levels`` holds what
    codes add, feature after feature: from ``first`` on for the code -1, which is missing, to ``last``, which stands for
    codes beyond those that the regression has seen.
    """

    constant: float
    weights: Array
    gaps: Array
    levels: Array
    first: np.ndarray
    last: np.ndarray

    def log_odds(self, matrix: Array) -> Array:
        numbers = len(self.weights)
        logs, codes = signed_log(matrix[:, :numbers]), matrix[:, numbers:]
        added = np.where(np.isnan(logs), self.gaps, logs * self.weights).sum(axis=1)
        places = np.minimum(np.where(np.isnan(codes), -1, codes).astype(np.intp) + 1 + self.first, self.last)
        return np.asarray(self.constant + added + self.levels[places].sum(axis=1))


def folded(linear: Linear) -> Linear:
    """The same log-odds (to rounding) from arrays; the regression itself where neighbours fill what is missing."""
    (_, numeric, numbers), (_, categorical, categories) = linear.preparation.transformers_[:2]
    weights, filling = np.empty(0), np.empty(0)
    coefficients, constant = linear.regression.coef_[0], float(linear.regression.intercept_[0])
    count = len(numbers)
    flagged = linear.owners[count:][linear.owners[count:] < count]
    gaps = np.zeros(count)
    if count:
        imputer, scaler = numeric[-1][0], numeric[-1][-1]
        if not isinstance(imputer, SimpleImputer):
            return linear
        per_unit = coefficients[: count + len(flagged)] / scaler.scale_
        constant -= float(scaler.mean_ @ per_unit)
        weights, filling = per_unit[:count], imputer.statistics_
        gaps[flagged] = per_unit[count:]
    seen = categorical[-1].categories_ if len(categories) else []
    each = np.split(coefficients[count + len(flagged) :], np.cumsum([len(codes) for codes in seen])[:-1])
    levels = [_added(codes, added) for codes, added in zip(seen, each, strict=len(seen) > 0)]
    ends = np.cumsum([len(level) for level in levels]).astype(int)
    return FoldedLinear(
        **vars(linear),
        constant=constant,
        weights=weights,
        gaps=gaps + filling * weights,
        levels=np.concatenate([*levels, np.empty(0)]),
        first=np.concatenate([np.zeros(1, dtype=int), ends])[: len(levels)],
        last=ends - 1,
    )


def _added(codes: Array, coefficients: Array) -> Array:
    """By code, from -1 to one more than the greatest: what it adds; nothing where the regression has not seen it."""
    added = np.zeros(int(codes.max()) + 3)
    added[codes.astype(int) + 1] = coefficients
    return added
