"""Frames to matrices: numbers stay numbers, categories become codes, both learned once in training."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from models.errors import MissingColumns
from models.metrics import Array


@dataclass(frozen=True)
class Encoder:
    """Column order and categories of a training frame; a category not seen there is missing (NaN)."""

    numeric: tuple[str, ...]
    categories: dict[str, tuple[str, ...]]

    @classmethod
    def fit(cls, frame: pd.DataFrame, numeric: tuple[str, ...], categorical: tuple[str, ...]) -> "Encoder":
        require_columns(frame, (*numeric, *categorical))
        return cls(numeric, {name: tuple(sorted(frame[name].dropna().unique())) for name in categorical})

    @property
    def features(self) -> tuple[str, ...]:
        return (*self.numeric, *self.categories)

    @property
    def categorical_positions(self) -> list[int]:
        return list(range(len(self.numeric), len(self.features)))

    def transform(self, frame: pd.DataFrame) -> Array:
        """(rows, features) matrix, columns as in ``features``.

        Raises:
            MissingColumns: a feature is not in the frame.
        """
        require_columns(frame, self.features)
        matrix = np.full((len(frame), len(self.features)), np.nan)
        for position, name in enumerate(self.numeric):
            matrix[:, position] = frame[name].to_numpy(dtype=float, na_value=np.nan)
        for position, (name, known) in enumerate(self.categories.items(), start=len(self.numeric)):
            codes = pd.Categorical(frame[name], categories=list(known)).codes
            matrix[:, position] = np.where(codes < 0, np.nan, codes)
        return matrix


def require_columns(frame: pd.DataFrame, columns: tuple[str, ...]) -> None:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise MissingColumns(missing)


def logistic_baseline(encoder: Encoder, inverse_penalty: float) -> Pipeline:
    """An honest logistic regression on the encoder's matrix: logarithms of amounts and counts,
    missing-value indicators, standardised; categories one-hot; ridge penalty.
    """
    numeric = make_pipeline(
        FunctionTransformer(_signed_log),
        SimpleImputer(add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    categorical = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=-1, keep_empty_features=True),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    columns = ColumnTransformer(
        [
            ("numeric", numeric, list(range(len(encoder.numeric)))),
            ("categorical", categorical, encoder.categorical_positions),
        ]
    )
    return make_pipeline(columns, LogisticRegression(C=inverse_penalty, solver="newton-cholesky", max_iter=50))


def _signed_log(values: Array) -> Array:
    return np.sign(values) * np.log1p(np.abs(values))
