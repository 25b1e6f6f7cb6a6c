import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from models.metrics import (
    Metric,
    at_once,
    average,
    average_precision,
    base_rate_brier,
    brier_score,
    difference,
    interval,
    lift_at_top,
    log_loss,
    log_loss_rows,
    normalised_entropy,
    prediction_ratio,
    resampled_customers,
    weighted_auc,
    with_intervals,
)

steady = settings(deadline=None, derandomize=True, database=None, max_examples=200)


def rows_of(*columns: st.SearchStrategy, least: int = 0) -> st.SearchStrategy:
    """Columns of equal length, after one row of each label, both with weight."""
    fixed = st.tuples(*columns[1:], st.integers(1, 5))
    more = st.lists(st.tuples(*columns, st.integers(0, 5)), min_size=least, max_size=30)
    return st.tuples(fixed, fixed, more).map(lambda t: list(zip((True, *t[0]), (False, *t[1]), *t[2], strict=True)))


@steady
@given(rows_of(st.booleans(), st.integers(0, 6)))
def test_weighted_auc_is_that_of_scikit_learn_ties_included(columns):
    label, score, weight = columns
    expected = sklearn.metrics.roc_auc_score(label, score, sample_weight=weight)
    assert weighted_auc(label, score)(weight) == pytest.approx(expected)


@steady
@given(rows_of(st.booleans(), st.floats(1e-9, 1 - 1e-9)))
def test_log_loss_is_that_of_scikit_learn(columns):
    label, probability, weight = columns
    expected = sklearn.metrics.log_loss(label, probability, sample_weight=weight)
    assert log_loss(label, probability)(weight) == pytest.approx(expected)


@steady
@given(rows_of(st.booleans(), st.integers(0, 6)))
def test_average_precision_is_that_of_scikit_learn_ties_included(columns):
    label, score, weight = columns
    expected = sklearn.metrics.average_precision_score(label, score, sample_weight=weight)
    assert average_precision(label, score)(weight) == pytest.approx(expected)


@steady
@given(rows_of(st.booleans(), st.floats(0, 1)))
def test_brier_score_is_that_of_scikit_learn(columns):
    label, probability, weight = columns
    expected = sklearn.metrics.brier_score_loss(label, probability, sample_weight=weight)
    assert brier_score(label, probability)(weight) == pytest.approx(expected)
    base_rate = np.full(len(label), np.average(label, weights=weight))
    assert base_rate_brier(label)(weight) == pytest.approx(brier_score(label, base_rate)(weight))


FIGURES = [weighted_auc, average_precision, log_loss, normalised_entropy, prediction_ratio, brier_score]


@steady
@given(rows_of(st.booleans(), st.integers(1, 9)))
def test_a_row_of_weight_two_counts_as_two_rows_in_every_figure(columns):
    label, tenths, weight = (np.array(column) for column in columns)
    score = tenths / 10
    for figure in FIGURES:
        repeated = figure(np.repeat(label, weight), np.repeat(score, weight))(np.ones(weight.sum()))
        assert figure(label, score)(weight) == pytest.approx(repeated), figure.__name__


@pytest.mark.parametrize(
    ("label", "score", "weight", "auc"),
    [
        ([0, 1], [0.1, 0.9], [1, 1], 1.0),
        ([1, 0], [0.1, 0.9], [1, 1], 0.0),
        ([1, 0], [0.5, 0.5], [1, 1], 0.5),
        ([1, 0, 0], [0.5, 0.1, 0.9], [1, 3, 1], 0.75),  # above three of the four that the others stand for
        ([1, 0, 0], [0.5, 0.5, 0.9], [2, 3, 1], 0.375),
    ],
)
def test_auc_is_how_often_a_positive_outranks_a_negative(label, score, weight, auc):
    assert weighted_auc(label, score)(weight) == pytest.approx(auc)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("label", "weight"), [([1, 1], [1, 1]), ([0, 0], [1, 1]), ([1, 0], [1, 0])])
def test_there_is_no_auc_when_one_class_has_no_weight(label, weight):
    assert np.isnan(weighted_auc(label, [0.2, 0.3])(weight))


def test_log_loss_stays_finite_when_the_impossible_happens():
    rows = log_loss_rows([True, False, True, False], [0.0, 1.0, 1.0, 0.5])
    assert rows == pytest.approx([-np.log(1e-12), -np.log(1e-12), 0, np.log(2)], abs=1e-4)


@steady
@given(rows_of(st.booleans()))
def test_normalised_entropy_of_the_base_rate_is_one(columns):
    label, weight = columns
    base_rate = np.full(len(label), np.average(label, weights=weight))
    assert normalised_entropy(label, base_rate)(weight) == pytest.approx(1)


@pytest.mark.parametrize(
    ("probability", "entropy"),
    [
        ([0.25, 0.25], 1.0),
        ([1.0, 0.0], 0.0),
        ([0.5, 0.5], np.log(2) / 0.5623351446),  # the base rate is 1/4: -(ln(1/4) + 3 ln(3/4)) / 4 = 0.5623
    ],
)
def test_normalised_entropy_compares_with_the_weighted_base_rate(probability, entropy):
    assert normalised_entropy([1, 0], probability)([1, 3]) == pytest.approx(entropy, abs=1e-9)


def test_prediction_ratio_is_one_when_as_much_happens_as_was_said():
    assert prediction_ratio([1, 0], [0.25, 0.25])([1, 3]) == pytest.approx(1)
    assert prediction_ratio([1, 0], [0.5, 0.5])([1, 3]) == pytest.approx(2)


@pytest.mark.parametrize(
    ("share", "lift"),
    [
        (0.1, 5.0),  # the best row is positive, as is one in five
        (0.2, 2.5),
        (0.3, 5 / 3),
        (0.4, 2.5),  # both positives among four rows
        (1.0, 1.0),
        (0.01, 5.0),  # the tenth of a row
    ],
)
def test_lift_at_top(share, lift):
    label = [0, 0, 1, 0, 0, 1, 0, 0, 0, 0]
    score = [0.1, 0.8, 0.9, 0.7, 0.1, 0.6, 0.2, 0.3, 0.1, 0.5]
    assert lift_at_top(label, score, share)(np.ones(10)) == pytest.approx(lift)


def test_lift_at_top_takes_a_tenth_unless_told():
    assert lift_at_top([1] + [0] * 19, np.linspace(1, 0, 20))(np.ones(20)) == pytest.approx(10)


@pytest.mark.parametrize(
    ("weight", "lift"),
    [
        ([1, 1, 2, 1], 2.5),  # of 5 a fifth is the first row, a positive: 1 / (2/5)
        ([2, 1, 1, 1], 5 / 3),  # half the first row fits: 1 / (3/5)
        ([1, 0, 9, 0], 5.0),  # of 10 a fifth is the first row and one of the third's nine: 1/2 / (1/10)
    ],
)
def test_at_the_border_of_the_top_a_row_counts_with_the_part_that_fits(weight, lift):
    assert lift_at_top([1, 1, 0, 0], [4, 3, 2, 1], 0.2)(weight) == pytest.approx(lift)


@pytest.mark.parametrize("figure", [average_precision, prediction_ratio, lift_at_top, normalised_entropy])
def test_without_positives_there_is_nothing_to_compare_with(figure):
    assert np.isnan(figure([0, 0], [0.2, 0.3])([1, 2]))


CUSTOMERS = pd.Series(["ada", "bob", "ada", "cyd", "bob", "ada"])


def test_rows_of_a_customer_are_drawn_together_and_as_many_customers_as_there_are():
    for weights in resampled_customers(CUSTOMERS, resamples=50, seed=1):
        per_customer = pd.Series(weights).groupby(CUSTOMERS).unique()
        assert per_customer.map(len).tolist() == [1, 1, 1]
        assert per_customer.map(lambda values: values[0]).sum() == 3


def test_customers_are_drawn_with_replacement_alike_for_the_same_seed():
    draws = np.array(list(resampled_customers(CUSTOMERS, resamples=300, seed=1)))
    assert draws.shape == (300, 6)
    assert {*draws.ravel()} == {0.0, 1.0, 2.0, 3.0}
    assert draws.mean(axis=0) == pytest.approx(np.ones(6), abs=0.15)
    assert (draws == list(resampled_customers(CUSTOMERS, resamples=300, seed=1))).all()
    assert not (draws == list(resampled_customers(CUSTOMERS, resamples=300, seed=2))).all()


@pytest.mark.parametrize(
    ("resampled", "expected"),
    [
        ([float(i) for i in range(101)], Metric(7.0, 2.5, 97.5)),
        ([float("nan"), 4.0, float("inf"), 4.0], Metric(7.0, 4.0, 4.0)),
        ([float("nan")], Metric(7.0)),
        ([], Metric(7.0)),
    ],
)
def test_an_interval_holds_the_central_95_percent_of_what_could_be_resampled(resampled, expected):
    found = interval(7.0, resampled)
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))


def test_intervals_come_from_weights_times_draws_and_differences_are_paired():
    """Two figures that differ by 1 in every resample: theirs is an interval without width, while they vary."""
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    figures = {"low": average(values), "high": average(values + 1)}
    figures["gain"] = difference(figures["high"], figures["low"])
    weight = np.array([1.0, 2.0, 1.0, 1.0, 1.0, 1.0])
    found = with_intervals(figures, CUSTOMERS, weight, resamples=50, seed=1)
    assert found["low"].value == pytest.approx(23 / 7)
    assert found["low"].low < found["low"].value < found["low"].high
    assert (found["gain"].value, found["gain"].low, found["gain"].high) == pytest.approx((1, 1, 1))
    draws = resampled_customers(CUSTOMERS, 50, 1)
    expected = np.quantile([np.average(values, weights=weight * drawn) for drawn in draws], [0.025, 0.975])
    assert (found["low"].low, found["low"].high) == pytest.approx(tuple(expected))
    assert at_once(figures, weight)["low"] == Metric(found["low"].value)
