"""Are probabilities what they say, and is what is off repaired where, and only where, that would have helped?"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from models.calibration import Judged, Repair, choose_repair, refined_loss, worst_bin, worst_week
from models.metrics import log_loss


def window(seed: int, intercept: float = 0.0, slope: float = 1.0, rows: int = 4_000) -> Judged:
    """A model whose log-odds, put through the line, would be true; in training log-odds were -1 on average."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-1, 1.5, rows)
    label = rng.random(rows) < expit(intercept + slope * log_odds)
    return Judged(label, log_odds, rng.integers(1, 4, rows).astype(float), pivot=-1.0)


# ── repair ────────────────────────────────────────────────────────────────────────────────────


def test_by_default_log_odds_stay():
    assert Repair()(np.array([-1.5, 2.0]), pivot=0.7).tolist() == pytest.approx([-1.5, 2.0])


def test_the_slope_turns_around_the_base_rate():
    assert Repair(0.5)(np.array([-2.0, 0.0, 4.0]), pivot=0.0).tolist() == [-1.0, 0.0, 2.0]
    assert Repair(0.5)(np.array([-2.0, 0.0, 4.0]), pivot=2.0).tolist() == [0.0, 1.0, 3.0]


@pytest.mark.parametrize(("intercept", "slope"), [(-0.2, 0.5), (0.0, 0.5), (0.2, 0.5), (0.0, 1.6), (0.2, 1.6)])
def test_the_slope_that_was_planted_is_found_whatever_the_level(intercept, slope):
    assert choose_repair([window(seed, intercept, slope) for seed in (1, 2, 3)]).slope == pytest.approx(slope, abs=0.1)


def test_a_level_is_not_carried_over():
    """Every window met more than was said, and the next may meet less."""
    assert choose_repair([window(seed, intercept=0.8) for seed in (1, 2, 3)]).slope == pytest.approx(1.0, abs=0.05)


def test_there_is_no_repair_where_it_would_not_have_helped_later():
    """What was too sure in the first window was not sure enough in the second, and the other way round in the third."""
    assert choose_repair([window(1, slope=0.6), window(2, slope=1.7), window(3, slope=0.6)]) == Repair()


@pytest.mark.parametrize("count", [0, 1])
def test_with_fewer_than_two_windows_there_is_nothing_to_tell_by(count):
    assert choose_repair([window(1, slope=0.5)] * count) == Repair()


@pytest.mark.parametrize("label", [True, False])
def test_one_outcome_alone_has_no_line(label):
    one_sided = Judged(np.full(50, label), np.linspace(-1, 1, 50), np.ones(50), 0.0)
    assert choose_repair([one_sided, one_sided]) == Repair()


def test_rows_count_with_their_weight():
    """Three quarters of the rows say the opposite, but weigh next to nothing."""
    true, false = window(1, slope=0.5), window(2, slope=-1.0, rows=12_000)
    mixed = Judged(
        np.concatenate([true.label, false.label]),
        np.concatenate([true.log_odds, false.log_odds]),
        np.concatenate([true.weight, 1e-6 * false.weight]),
        true.pivot,
    )
    assert choose_repair([mixed, mixed]).slope == pytest.approx(0.5, abs=0.1)


# ── refined loss ──────────────────────────────────────────────────────────────────────────────


@settings(deadline=None, derandomize=True, database=None, max_examples=40)
@given(st.integers(0, 1_000), st.floats(-2, 2), st.floats(0.3, 2), st.integers(300, 2_000))
def test_the_refined_loss_is_the_loss_after_scikit_learns_regression_on_the_log_odds(seed, intercept, slope, rows):
    judged = window(seed, intercept, slope, rows)
    line = LogisticRegression(C=np.inf, tol=1e-8).fit(judged.log_odds[:, None], judged.label, judged.weight)
    best = expit(line.decision_function(judged.log_odds[:, None]))
    oracle = log_loss(judged.label, best)(judged.weight)
    assert refined_loss(judged) == pytest.approx(oracle, rel=1e-3)


def test_the_refined_loss_does_not_care_for_level_and_scale():
    judged = window(1)
    shifted = Judged(judged.label, 0.8 + 1.3 * judged.log_odds, judged.weight, judged.pivot)
    assert shifted.loss(Repair()) > judged.loss(Repair()) + 0.02
    assert refined_loss(shifted) == pytest.approx(refined_loss(judged), rel=1e-4)


@pytest.mark.parametrize("log_odds", [np.zeros(6), np.array([-30.0, 30, -30, 30, -30, 30]), np.array([9.0] * 6)])
@pytest.mark.parametrize("label", [[0, 1, 0, 1, 0, 1], [1, 0, 1, 0, 1, 0], [0] * 6, [1] * 6])
def test_the_refined_loss_is_finite_and_never_above_the_loss(log_odds, label):
    judged = Judged(np.array(label, dtype=bool), log_odds, np.ones(6), 0.0)
    assert 0 <= refined_loss(judged) <= judged.loss(Repair())


# ── bins and weeks ────────────────────────────────────────────────────────────────────────────


LABEL = np.array([0, 1, 0, 0, 1, 1, 0, 1], dtype=bool)  # two bins of two positives: the first five rows, and the rest
PROBABILITY = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])


@pytest.mark.parametrize(
    ("weight", "worst"),
    [
        ([1] * 8, 1 - 1.5 / 2),  # 1.5 said where 2 came, and 2.1 where 2 came
        ([1, 1, 1, 1, 1, 1, 5, 1], 4.9 / 2 - 1),
        ([1, 1, 5, 1, 1, 1, 1, 1], 2.7 / 2 - 1),
    ],
)
def test_the_worst_bin_by_hand(weight, worst):
    assert worst_bin(LABEL, PROBABILITY, bins=2)(weight) == pytest.approx(worst)


def test_the_order_of_rows_does_not_matter_for_bins():
    order = np.random.default_rng(1).permutation(8)
    weight = np.array([1.0, 1, 5, 1, 1, 1, 1, 1])
    shuffled = worst_bin(LABEL[order], PROBABILITY[order], bins=2)(weight[order])
    assert shuffled == pytest.approx(worst_bin(LABEL, PROBABILITY, bins=2)(weight))


def test_probabilities_that_are_true_have_no_bad_bin_and_ones_that_are_not_do():
    true = window(5, rows=100_000)
    assert worst_bin(true.label, expit(true.log_odds))(true.weight) < 0.05
    assert worst_bin(true.label, expit(2 * true.log_odds))(true.weight) > 0.2


def test_the_worst_week_by_hand():
    """Of ten days the last three are too few for a week and join the first; 14 days make two."""
    days = pd.Series(pd.Timestamp("2017-01-03 15:00") + pd.to_timedelta([0, 6, 7, 9], unit="D"))
    label, probability = np.array([1, 0, 0, 1]), np.array([0.5, 0.5, 0.4, 0.2])
    assert worst_week(days, label, probability)([1, 1, 1, 1]) == pytest.approx(1 - 1.6 / 2)
    longer = days.where(days.index < 3, days + pd.Timedelta(days=4))  # the last row on day 13
    assert worst_week(longer, label, probability)([1, 1, 1, 1]) == pytest.approx(1 - 0.6)  # 1.0 of 1, and 0.6 of 1
    assert worst_week(longer, label, probability)([3, 1, 1, 1]) == pytest.approx(0.4)  # 2.0 of 3, and 0.6 of 1


def test_a_week_begins_with_the_day_and_not_the_hour_of_the_first_row():
    moments = pd.Series(pd.to_datetime(["2017-01-03 23:00", "2017-01-10 01:00", "2017-01-16 12:00"]))
    assert worst_week(moments, np.array([1, 1, 0]), np.array([1.0, 0.5, 0.0]))([1, 1, 1]) == pytest.approx(0.5)


@pytest.mark.filterwarnings("error")
def test_without_positives_there_is_no_worst_bin_and_no_worst_week():
    """As happens in a resample of few customers."""
    days = pd.Series(pd.Timestamp("2017-01-03") + pd.to_timedelta(np.arange(8), unit="D"))
    weight = np.where(LABEL, 0.0, 1.0)
    assert np.isnan(worst_bin(LABEL, PROBABILITY)(weight))
    assert np.isnan(worst_week(days, LABEL, PROBABILITY)(weight))
