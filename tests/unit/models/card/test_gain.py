"""The gain curve, by hand and beside the metric of the same name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.card.gain import SHARES, gain
from models.metrics import lift_at_top
from tests.unit.models.card.conftest import outcomes_of


def test_the_best_tenth_of_ten_rows_is_one_row():
    curve = gain(outcomes_of(np.linspace(1, 0, 10), [1, 0, 1, 0, 0, 0, 0, 0, 0, 0]))
    assert curve.found[SHARES.index(0.1)] == 0.5
    assert curve.found[SHARES.index(0.3)] == 1.0
    assert curve.lift["10%"].value == pytest.approx(5.0)


@given(st.integers(0, 10_000))
def test_lift_at_a_tenth_is_the_metric(seed):
    rng = np.random.default_rng(seed)
    actual, predicted = rng.random(200) < 0.2, rng.permutation(200) / 200
    actual[0] = True
    curve = gain(outcomes_of(predicted, actual))
    assert curve.lift["10%"].value == pytest.approx(lift_at_top(actual, predicted)(np.ones(len(actual))))


def test_it_begins_with_nothing_and_ends_with_all(fair):
    curve = gain(fair)
    assert (curve.found[0], curve.found[-1]) == (0.0, 1.0)
    assert list(curve.found) == sorted(curve.found)
    assert all(low <= found <= high for low, found, high in zip(curve.low, curve.found, curve.high, strict=True))


def test_the_baseline_is_a_curve_of_its_own():
    frame = outcomes_of([0.9, 0.1], [1, 0], baseline=[0.1, 0.9])
    curve = gain(frame)
    assert curve.baseline is not None
    assert (curve.found[50], curve.baseline[50]) == (1.0, 0.0)


def test_a_row_that_stands_for_others_counts_for_them():
    curve = gain(outcomes_of([0.9, 0.1], [1, 1], weight=[1.0, 3.0]))
    assert curve.found[25] == 0.25
    assert curve.found[50] == 0.5
