"""Missing numbers get a place holder and a flag, both learned in training."""

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

from models.encoding import Encoder
from models.imputation import DONORS, SampledKnn, imputer
from models.linear import fit_linear

NAN = np.nan


def test_the_mean_takes_the_place_and_a_flag_says_so():
    pipeline = imputer("mean", seed=0).fit([[1.0, 5.0], [3.0, 6.0], [NAN, 7.0]])
    filled = pipeline[0].transform([[NAN, 5.0], [9.0, NAN]])
    assert_array_equal(filled, [[2.0, 5.0, 1.0], [9.0, 6.0, 0.0]])  # only the first column had gaps in training


def test_the_mean_of_the_nearest_takes_the_place():
    """Two groups: whoever is small in one column is small in the other."""
    small, large = [[x, 10.0] for x in range(5)], [[100.0 + x, 90.0] for x in range(5)]
    knn = SampledKnn().fit(np.array([*small, *large]))
    assert_array_equal(knn.transform([[2.0, NAN], [103.0, NAN], [NAN, 90.0]]), [[2, 10], [103, 90], [102, 90]])


def test_neighbours_are_looked_for_on_a_common_scale():
    """Unscaled, the amounts (in thousands) would drown the orders that the gap really goes with."""
    rng = np.random.default_rng(1)
    orders = rng.integers(0, 2, 200).astype(float)
    frame = np.column_stack([orders, rng.normal(0, 5_000, 200), 10 * orders])
    frame[0] = [0, 0, NAN]
    pipeline = imputer("knn", seed=0).fit(frame)
    filled = pipeline[0].inverse_transform(pipeline[:-1].transform([[0, 9_000, NAN], [1, 9_000, NAN]])[:, :3])
    assert filled[0, 2] < 3 < 7 < filled[1, 2]


def test_neighbours_come_from_a_bounded_sample_that_the_seed_draws():
    values = np.random.default_rng(2).normal(size=(5_000, 3))
    one, again, other = (SampledKnn(seed).fit(values) for seed in (1, 1, 2))
    assert one._fit_X.shape == (DONORS, 3)
    gap = [[0.1, NAN, NAN]]
    assert_array_equal(one.transform(gap), again.transform(gap))
    assert (one.transform(gap) != other.transform(gap)).any()


@pytest.mark.parametrize("imputation", ["mean", "knn"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_flags_are_for_columns_with_gaps_in_training_rare_ones_too(imputation):
    values = np.random.default_rng(3).normal(size=(3_000, 4))
    values[7, 1] = NAN  # in all probability not in the sample of neighbours
    values[:, 3] = NAN
    pipeline = imputer(imputation, seed=0).fit(values)
    filled = pipeline.transform([[0, NAN, NAN, 1.0], [NAN, 0, 0, NAN]])
    assert filled.shape == (2, 4 + 2)
    assert np.isfinite(filled).all()


@pytest.mark.parametrize("imputation", ["mean", "knn"])
def test_a_regression_says_the_same_of_one_row_as_among_others_and_once_saved(imputation, tmp_path):
    rng = np.random.default_rng(4)
    values = np.where(rng.random((500, 3)) < 0.2, NAN, rng.exponential(10, (500, 3)))
    outcome = np.isnan(values[:, 0]) ^ (rng.random(500) < 0.05)  # a gap itself may be what tells
    linear = fit_linear(Encoder(("a", "b", "c"), {}), values, outcome, (1.0,), imputation, seed=5)[1.0]
    all_at_once = linear.log_odds(values)
    assert_allclose(linear.log_odds(values[[3]]), all_at_once[[3]])
    assert expit(all_at_once[outcome]).mean() > 0.8
    joblib.dump(linear, tmp_path / "linear")
    assert_array_equal(joblib.load(tmp_path / "linear").log_odds(values), all_at_once)
