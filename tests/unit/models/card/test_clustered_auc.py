"""The AUC with an interval in one pass, beside the bootstrap over customers that it stands for."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.card.clustered_auc import clustered_auc
from models.metrics import interval, resampled_customers, weighted_auc


def rows_of_customers(seed, customers=400, rows_each=8):
    """Rows of one customer are alike in score and in outcome, as snapshots a week apart are."""
    generator = np.random.default_rng(seed)
    habit = np.repeat(generator.normal(size=customers), rows_each)
    score = np.round(habit + 0.3 * generator.normal(size=len(habit)), 1)
    label = (generator.random(len(habit)) < 1 / (1 + np.exp(1.5 - habit))).astype(float)
    names = pd.Series(np.repeat([f"c{i}" for i in range(customers)], rows_each))
    return label, score, np.where(label == 1, 1.0, 4.0), names


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_interval_is_that_of_the_bootstrap(seed):
    label, score, weight, customers = rows_of_customers(seed)
    quick, figure = clustered_auc(label, score, weight, customers), weighted_auc(label, score)
    slow = interval(figure(weight), [figure(weight * draw) for draw in resampled_customers(customers, 2_000, seed)])
    assert quick.value == pytest.approx(slow.value, abs=1e-12)
    width = slow.high - slow.low
    assert quick.high - quick.low == pytest.approx(width, rel=0.1)
    assert (quick.low, quick.high) == pytest.approx((slow.low, slow.high), abs=0.1 * width)


def test_rows_that_repeat_themselves_tell_nothing_new():
    """The same customers with every row twice: the same interval; as customers of their own it would be narrower."""
    label, score, weight, customers = rows_of_customers(4)
    once = clustered_auc(label, score, weight, customers)
    twice = clustered_auc(*(np.tile(part, 2) for part in (label, score, weight)), pd.concat([customers, customers]))
    strangers = clustered_auc(
        *(np.tile(part, 2) for part in (label, score, weight)), pd.concat([customers, customers + " again"])
    )
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))
    assert strangers.high - strangers.low < 0.8 * (once.high - once.low)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(1, 5), st.integers(0, 6)), min_size=2))
def test_it_is_the_weighted_auc_and_its_interval_holds_it(rows):
    label, score, weight, customer = (np.array(part, dtype=float) for part in zip(*rows, strict=True))
    if label.min() == label.max():
        return  # slices of one class are not judged
    found = clustered_auc(label, score, weight, pd.Series(customer))
    assert found.value == pytest.approx(weighted_auc(label, score)(weight))
    if found.low is not None:
        assert 0 <= found.low <= found.value <= found.high <= 1


def test_a_perfect_ranking_has_no_interval():
    found = clustered_auc(np.array([0.0, 1.0]), np.array([0.1, 0.9]), np.ones(2), pd.Series(["a", "b"]))
    assert (found.value, found.low, found.high) == (1.0, None, None)
