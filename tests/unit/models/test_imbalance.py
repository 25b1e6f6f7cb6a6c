"""Weighing a rare class up, or inventing more of it, and taking the odds back to what they were."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.special import expit

from models.encoding import Encoder
from models.imbalance import NEIGHBOURS, balance, sampled_rows
from models.linear import fit_linear

ENCODER = Encoder(("amount", "age"), {"region": ("north", "south")})


def rare(rows: int = 4_000, intercept: float = -4.0) -> tuple[np.ndarray, np.ndarray]:
    """One row in thirty is positive; amounts decide, ages have gaps, some regions are unknown."""
    rng = np.random.default_rng(6)
    amount, age = rng.normal(size=rows), np.where(rng.random(rows) < 0.2, np.nan, rng.normal(40, 9, rows))
    matrix = np.column_stack([amount, age, rng.choice([0, 1, np.nan], rows)])
    return matrix, rng.random(rows) < expit(intercept + amount)


def test_nothing_is_done_unless_asked_for():
    matrix, label = rare()
    balanced = balance(ENCODER, matrix, label, "none", seed=1)
    assert balanced.matrix is matrix
    assert balanced.label is label
    assert (balanced.weight, balanced.log_odds_offset) == (None, 0.0)


@pytest.mark.parametrize("flipped", [False, True])
def test_classes_weigh_the_same_whichever_is_rare(flipped):
    matrix, label = rare()
    label = label ^ flipped
    balanced = balance(ENCODER, matrix, label, "class_weights", seed=1)
    assert balanced.weight[label].sum() == pytest.approx(balanced.weight[~label].sum())
    assert balanced.weight.min() == 1
    assert_array_equal(balanced.matrix, matrix)
    invented = balance(ENCODER, matrix, label, "smote", seed=1)
    assert invented.label.mean() == pytest.approx(0.5)


@pytest.mark.parametrize("how", ["none", "class_weights", "smote"])
@pytest.mark.parametrize("flipped", [False, True])
def test_after_the_offset_the_mean_probability_is_back_near_the_base_rate(how, flipped):
    matrix, label = rare()
    label = label ^ flipped
    balanced = balance(ENCODER, matrix, label, how, seed=1)
    linear = fit_linear(ENCODER, balanced.matrix, balanced.label, (1.0,), weight=balanced.weight)[1.0]
    moved_back = expit(linear.log_odds(matrix) + balanced.log_odds_offset).mean()
    rarer = min(moved_back, 1 - moved_back)
    assert (moved_back > 0.5) == flipped
    assert rarer == pytest.approx(min(label.mean(), 1 - label.mean()), rel=0.25)
    if how != "none":
        not_moved = expit(linear.log_odds(matrix)).mean()
        assert min(not_moved, 1 - not_moved) > 4 * rarer


@pytest.mark.parametrize(("positives", "invents"), [(NEIGHBOURS, False), (NEIGHBOURS + 1, True)])
def test_with_too_few_rare_rows_nothing_is_invented(positives, invents):
    matrix, label = rare(rows=100)[0], np.arange(100) < positives
    balanced = balance(ENCODER, matrix, label, "smote", seed=1)
    assert (len(balanced.label) > 100) == invents
    assert (balanced.log_odds_offset != 0) == invents


def test_one_class_alone_is_left_alone_by_smote():
    matrix, _ = rare(rows=100)
    assert len(balance(ENCODER, matrix, np.ones(100, dtype=bool), "smote", seed=1).label) == 100


@pytest.mark.filterwarnings("error")
def test_real_rows_keep_their_gaps_and_invented_ones_have_whole_categories():
    matrix, label = rare()
    matrix[:, 1] = np.where(label, np.nan, matrix[:, 1])
    balanced = balance(ENCODER, matrix, label, "smote", seed=1)
    assert_array_equal(balanced.matrix[: len(matrix)], matrix)
    invented = balanced.matrix[len(matrix) :]
    assert balanced.label[len(matrix) :].all()
    assert np.isfinite(invented).all()
    assert set(invented[:, 2]) <= {0.0, 1.0}
    assert invented[:, 1] == pytest.approx(np.nanmedian(matrix[:, 1]))  # the median took the place of their gaps


@pytest.mark.filterwarnings("error")
def test_an_empty_column_and_numbers_alone_are_harmless():
    matrix, label = rare()
    matrix[:, 1] = np.nan
    numbers = balance(Encoder(("amount", "age"), {}), matrix[:, :2], label, "smote", seed=1)
    assert numbers.label.mean() == pytest.approx(0.5)
    assert set(numbers.matrix[len(matrix) :, 1]) == {0.0}


def test_the_seed_draws_what_is_invented():
    one, again, other = (balance(ENCODER, *rare(), "smote", seed=seed).matrix for seed in (1, 1, 2))
    assert_array_equal(one, again)
    assert not np.array_equal(one, other, equal_nan=True)


# ── a sample of the rows ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("positives", "drawn"),
    [(2_000, 200), (4_000, 400), (500, 100), (60, 60), (9_940, 940), (0, 0)],
    ids=["as they are", "many", "a tenth", "the few there are", "the other class is rare", "none"],
)
def test_a_sample_keeps_the_share_of_a_class_or_lifts_it_to_a_tenth(positives, drawn):
    label = np.random.default_rng(1).permutation(10_000) < positives
    rows = sampled_rows(label, 1_000, seed=2)
    assert len(rows) == len(set(rows)) == 1_000
    assert label[rows].sum() == drawn
    assert_array_equal(rows, np.sort(rows))


def test_with_few_rows_all_are_in_the_sample():
    assert sampled_rows(np.array([True, False, True]), 3, seed=1).tolist() == [0, 1, 2]
