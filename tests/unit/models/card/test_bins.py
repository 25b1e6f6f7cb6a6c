"""Bins of a card, by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.card import bins
from models.card.bins import calibration_bins, decile_bins
from tests.unit.models.card.conftest import outcomes_of


def test_each_bin_holds_as_many_positives(monkeypatch):
    monkeypatch.setattr(bins, "MIN_POSITIVES_PER_BIN", 2)
    #           first bin: 2 of 5              second: 2 of 3
    predicted = [0.1, 0.1, 0.2, 0.2, 0.3, 0.5, 0.6, 0.8]
    actual = [0, 0, 1, 0, 1, 1, 0, 1]
    low, high = calibration_bins(outcomes_of(predicted, actual), bins=2)
    assert (low.rows, low.predicted, low.observed.value) == (5, pytest.approx(0.9 / 5), pytest.approx(2 / 5))
    assert (high.rows, high.predicted, high.observed.value) == (3, pytest.approx(1.9 / 3), pytest.approx(2 / 3))


def test_weights_count_as_rows(monkeypatch):
    monkeypatch.setattr(bins, "MIN_POSITIVES_PER_BIN", 1)
    kept = outcomes_of([0.1, 0.2, 0.3, 0.4], [0, 1, 0, 1], weight=[8.0, 1.0, 3.0, 1.0])
    low, high = calibration_bins(kept, bins=2)
    assert low.observed.value == pytest.approx(1 / 9)
    assert high.observed.value == pytest.approx(1 / 4)
    assert high.predicted == pytest.approx((0.3 * 3 + 0.4) / 4)


def test_there_are_ten_and_their_intervals_hold_a_true_probability(fair):
    bins = calibration_bins(fair)
    assert len(bins) == 10
    held = [b.observed.low <= b.predicted <= b.observed.high for b in bins]
    assert sum(held) >= 9
    assert [b.predicted for b in bins] == sorted(b.predicted for b in bins)


@pytest.mark.parametrize(("positives", "bins"), [(39, 0), (40, 2), (199, 9), (200, 10), (2_000, 10)])
def test_fewer_bins_where_positives_are_scarce(positives, bins):
    actual = np.arange(2_000) < positives
    assert len(calibration_bins(outcomes_of(np.linspace(0.01, 0.99, 2_000), actual))) == bins


def test_a_customer_with_many_rows_widens_the_interval():
    """The same rows, once each of another customer, once ten of each: resampling draws customers."""
    rng = np.random.default_rng(3)
    predicted = np.repeat(rng.uniform(0.1, 0.5, 200), 10)
    actual = np.repeat(rng.random(200) < 0.3, 10)
    apart = outcomes_of(predicted, actual)
    together = apart.assign(pseudonym=np.repeat([f"p{i}" for i in range(200)], 10))

    def width(frame):
        return np.mean([b.observed.high - b.observed.low for b in calibration_bins(frame)])

    assert width(together) > 2 * width(apart)


def test_amounts_are_cut_into_tenths_with_the_coverage_of_their_intervals():
    predicted = np.arange(1.0, 401.0)
    frame = outcomes_of(predicted, predicted, low=np.where(predicted <= 40, 1_000, 0), high=2_000)
    bins = decile_bins(frame)
    assert [b.rows for b in bins] == [40] * 10
    assert bins[0].predicted == pytest.approx(20.5)
    assert [b.coverage.value for b in bins] == [0.0] + [1.0] * 9


def test_of_few_customers_no_tenth_is_shown():
    assert decile_bins(outcomes_of(range(39), range(39), low=0, high=1)) == ()


@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=400),
    st.integers(2, 10),
)
def test_bins_share_out_all_rows_and_never_part_equal_predictions(rows, bins):
    outcomes = outcomes_of([score / 10 for score, _ in rows], [is_one for _, is_one in rows])
    found = calibration_bins(outcomes, bins)
    if not found:
        return
    assert sum(b.rows for b in found) == len(rows)
    total = sum(b.rows * b.observed.value for b in found)
    assert total == pytest.approx(outcomes["actual"].sum())
    edges = pd.Series([b.predicted for b in found])
    assert edges.is_monotonic_increasing
