"""An honest logistic regression on the encoder's matrix: the baseline of every propensity, and a part of some."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from models.encoding import Encoder, signed_log
from models.imputation import Imputation, imputer
from models.metrics import Array

BLOCK_ROWS = 32_768


@dataclass(frozen=True)
class Linear:
    """A fitted regression with how it prepares a matrix.

    ``owners`` says for each prepared column which feature it comes from, ``centre`` is its mean in training.
    """

    preparation: ColumnTransformer
    regression: LogisticRegression
    owners: np.ndarray
    centre: Array

    def log_odds(self, matrix: Array) -> Array:
        return np.concatenate([self._log_odds(block) for block in _blocks(matrix)])

    def _log_odds(self, matrix: Array) -> Array:
        return np.asarray(self.regression.decision_function(self.preparation.transform(matrix)))

    def contributions(self, matrix: Array) -> Array:
        """(rows, features): what each feature adds to the log-odds of the average training row."""
        parts = (self.preparation.transform(matrix) - self.centre) * self.regression.coef_[0]
        belongs = self.owners[:, None] == np.arange(matrix.shape[1])
        return np.asarray(parts @ belongs)


def _blocks(matrix: Array) -> Iterator[Array]:
    """Rows in blocks: prepared, with a column for each level of a category, all of them would fill the memory."""
    for start in range(0, max(len(matrix), 1), BLOCK_ROWS):
        yield matrix[start : start + BLOCK_ROWS]


def fit_linear(
    encoder: Encoder,
    matrix: Array,
    label: np.ndarray,
    inverse_penalties: tuple[float, ...],
    imputation: Imputation = "mean",
    seed: int = 0,
    weight: Array | None = None,
) -> dict[float, Linear]:
    """For each inverse ridge penalty (scikit-learn's C) a regression on logarithms of amounts and counts, missing ones
    imputed and indicated, standardised; categories one-hot.
    """
    preparation = _preparation(encoder, imputation, seed).fit(matrix)
    prepared = preparation.transform(matrix)
    owners, centre = _owners(preparation, encoder), prepared.mean(axis=0)
    regressions = {c: LogisticRegression(C=c, solver="newton-cholesky", max_iter=50) for c in inverse_penalties}
    return {
        c: Linear(preparation, regression.fit(prepared, label, weight), owners, centre)
        for c, regression in regressions.items()
    }


def _preparation(encoder: Encoder, imputation: Imputation, seed: int) -> ColumnTransformer:
    numeric = make_pipeline(FunctionTransformer(signed_log), imputer(imputation, seed))
    categorical = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=-1, keep_empty_features=True),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    return ColumnTransformer(
        [
            ("numeric", numeric, list(range(len(encoder.numeric)))),
            ("categorical", categorical, encoder.categorical_positions),
        ]
    )


def _owners(preparation: ColumnTransformer, encoder: Encoder) -> np.ndarray:
    """Numbers come first, then whether each was missing (where some were), then the categories' levels."""
    numbers = np.arange(len(encoder.numeric))
    indicated = _indicated(preparation.named_transformers_["numeric"]) if len(numbers) else numbers
    one_hot = preparation.named_transformers_["categorical"]
    levels = [len(known) for known in one_hot[-1].categories_] if encoder.categories else []
    return np.concatenate([numbers, indicated, np.repeat(encoder.categorical_positions, levels)]).astype(int)


def _indicated(step: Pipeline) -> np.ndarray:
    """The columns that an imputer, wherever it stands in the pipeline, says were missing in some rows."""
    for part in step.named_steps.values():
        if isinstance(part, SimpleImputer):
            return np.asarray(part.indicator_.features_)
        if isinstance(part, Pipeline):
            return _indicated(part)
        for _, branch in getattr(part, "transformer_list", []):
            if isinstance(branch, MissingIndicator):
                return np.asarray(branch.features_)
    raise AssertionError("an imputer always says what was missing")
