"""What takes the place of missing numbers where a model cannot do without: fitted with the model, never before.

LightGBM needs none of it: it learns for each split which way missing values go.
"""

from typing import Any, Literal

import numpy as np
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

from models.metrics import Array

Imputation = Literal["mean", "knn"]

DONORS = 300  # every row to fill is compared with each of them


class SampledKnn(KNNImputer):
    """The mean of the five nearest among ``DONORS`` rows drawn in training (Troyanskaya et al., "Missing value
    estimation methods for DNA microarrays", 2001), so that the cost grows with the rows and not with their square.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__(keep_empty_features=True)
        self.seed = seed

    def fit(self, values: Array, y: Any = None) -> "SampledKnn":
        drawn = np.random.default_rng(self.seed).permutation(len(values))[:DONORS]
        super().fit(values[drawn])
        return self


def imputer(imputation: Imputation, seed: int) -> Pipeline:
    """Numbers without gaps, standardised; and for each column that had some in training, whether there was one."""
    if imputation == "mean":
        filled = SimpleImputer(add_indicator=True, keep_empty_features=True)
        return make_pipeline(filled, StandardScaler())
    filled = make_union(SampledKnn(seed), MissingIndicator(error_on_new=False))
    return make_pipeline(StandardScaler(), filled, StandardScaler())  # distances need a common scale
