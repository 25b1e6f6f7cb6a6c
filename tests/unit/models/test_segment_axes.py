"""What is computed row by row is what scikit-learn's own steps would say."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans

from models.errors import MissingColumns
from models.segment_axes import AXES, FEATURES, filled, in_units, matrix_of, nearest, new_scaler, placed, to_scale

RNG = np.random.default_rng(6)
USUAL = np.column_stack(
    [RNG.exponential(20, 400), RNG.poisson(5, 400), RNG.exponential(100, 400), RNG.normal(50, 5, 400)]
)
NEARLY_ALIKE = np.where(np.arange(400)[:, None] % 100 == 0, [0.0, 9, 1e9, 3], [5.0, 1, 0, 3])


def with_gaps(positions: np.ndarray) -> np.ndarray:
    return np.where(np.random.default_rng(7).random(positions.shape) < 0.1, np.nan, positions)


@pytest.mark.parametrize("positions", [USUAL, NEARLY_ALIKE, np.full((400, 4), 2.0)])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_scale_is_the_scalers_own(positions):
    learned = with_gaps(positions)
    scaler = new_scaler().fit(learned)
    asked = np.vstack([learned, [0.0] * 4, [1e15] * 4, [1e-9] * 4, [np.nan] * 4])
    values = filled(scaler, asked)
    assert_array_equal(values, scaler[0].transform(asked))
    assert_allclose(to_scale(scaler, values), scaler.transform(asked), rtol=1e-9, atol=1e-9)


def test_the_nearest_cluster_is_that_of_k_means():
    clusters = KMeans(5, n_init=1, random_state=1).fit(USUAL)
    asked = np.random.default_rng(8).normal(30, 60, (500, 4))
    assert nearest(clusters, asked).tolist() == clusters.predict(asked).tolist()
    assert nearest(clusters, asked[:0]).tolist() == []


def test_units_are_found_back():
    scaler = new_scaler().fit(USUAL)
    assert_allclose(in_units(scaler, to_scale(scaler, USUAL)), USUAL, rtol=1e-6, atol=1e-6)


def test_money_returned_counts_as_none_spent_and_without_repeat_purchases_nothing_is_expected():
    frame = pd.DataFrame({name: [3.0, np.nan, -5.0] for name in FEATURES})
    placed_at = placed(None, matrix_of(frame))
    assert_array_equal(placed_at, [[3.0] * len(AXES) + [0], [np.nan] * len(AXES) + [0], [0.0] * len(AXES) + [0]])


def test_a_missing_column_is_named():
    with pytest.raises(MissingColumns, match="tenure_days"):
        matrix_of(pd.DataFrame({name: [1.0] for name in FEATURES if name != "tenure_days"}))
