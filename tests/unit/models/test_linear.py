"""Logistic regression on the encoder's matrix, and what each feature has to do with what it says."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from models.encoding import Encoder, signed_log
from models.linear import Linear, fit_linear


def world(rows: int = 400) -> tuple[Encoder, pd.DataFrame, np.ndarray]:
    """Who buys in the north, in large amounts; ``age`` has gaps, ``returns`` is empty."""
    rng = np.random.default_rng(4)
    region = rng.choice(["north", "south"], rows)
    age = np.where(rng.random(rows) < 0.2, np.nan, rng.normal(40, 10, rows))
    frame = pd.DataFrame({"amount": rng.exponential(100, rows), "age": age, "returns": np.nan, "region": region})
    bought = (frame["amount"] > 70) & (frame["region"] == "north") | (rng.random(rows) < 0.05)
    return Encoder.fit(frame, ("amount", "age", "returns"), ("region",)), frame, bought.to_numpy()


@pytest.fixture(scope="module")
def regression() -> tuple[Encoder, Linear]:
    encoder, frame, bought = world()
    return encoder, fit_linear(encoder, encoder.transform(frame), bought, (1.0,))[1.0]


def said(regression: tuple[Encoder, Linear], **columns) -> np.ndarray:
    encoder, linear = regression
    return expit(linear.log_odds(encoder.transform(pd.DataFrame({"age": 40.0, "returns": np.nan, **columns}))))


def test_it_learns_from_amounts_and_categories(regression):
    regions = ["north", "north", "south"]
    much_north, little_north, much_south = said(regression, amount=[500.0, 1.0, 500.0], region=regions)
    assert much_north > 0.7
    assert little_north < 0.3
    assert much_south < much_north - 0.3


def test_it_takes_what_it_has_not_seen_for_neither(regression):
    north, west, unknown, south = said(regression, amount=90.0, region=["north", "west", None, "south"])
    assert south < west == unknown < north


def test_it_sees_the_logarithm_of_amounts():
    """A plain regression on the standardised logarithm, by hand."""
    amount = np.random.default_rng(1).lognormal(3, 1, (300, 1)) - 10  # returns: some are negative
    label = np.random.default_rng(2).random(300) < expit(signed_log(amount[:, 0]) - 3)
    linear = fit_linear(Encoder(("amount",), {}), amount, label, (0.5,))[0.5]
    logs = signed_log(amount)
    by_hand = LogisticRegression(C=0.5).fit((logs - logs.mean()) / logs.std(), label)
    expected = by_hand.decision_function((logs - logs.mean()) / logs.std())
    assert_allclose(linear.log_odds(amount), expected, atol=0.01)


def test_an_attribute_that_names_everybody_differently_does_not_swell_it():
    frame = pd.DataFrame({"amount": 1.0, "attr_x": [f"card {i}" for i in range(3_000)]})
    encoder = Encoder.fit(frame, ("amount",), (), ("attr_x",))
    linear = fit_linear(encoder, encoder.transform(frame), np.arange(3_000) % 2 == 0, (1.0,))[1.0]
    assert linear.regression.coef_.shape == (1, 1 + 20 + 1)


# ── what each feature adds ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("imputation", ["mean", "knn"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_contributions_and_a_constant_add_up_to_the_log_odds(imputation):
    encoder, frame, bought = world()
    matrix = encoder.transform(frame)
    linear = fit_linear(encoder, matrix, bought, (1.0,), imputation)[1.0]
    parts = linear.contributions(matrix)
    assert parts.shape == (400, 4)
    assert_allclose(linear.log_odds(matrix) - parts.sum(axis=1), linear.log_odds(matrix).mean(), atol=1e-9)
    assert_allclose(parts.mean(axis=0), 0, atol=1e-9)


@pytest.mark.parametrize("imputation", ["mean", "knn"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_each_prepared_column_belongs_to_a_feature(imputation):
    """Numbers, then flags of those with gaps, then two regions."""
    encoder, frame, bought = world()
    linear = fit_linear(encoder, encoder.transform(frame), bought, (1.0,), imputation)[1.0]
    assert linear.owners.tolist() == [0, 1, 2, 1, 2, 3, 3]


@pytest.mark.parametrize(
    ("numeric", "categories", "owners"),
    [(("a",), {}, [0]), ((), {"c": ("x", "y")}, [0, 0]), (("a",), {"c": ("x",), "d": ("x", "y")}, [0, 1, 2, 2])],
)
def test_numbers_alone_and_categories_alone_belong_too(numeric, categories, owners):
    encoder = Encoder(numeric, categories)
    matrix = np.column_stack(
        [np.arange(8.0) for _ in numeric] + [np.arange(8) % len(levels) for levels in categories.values()]
    )
    linear = fit_linear(encoder, matrix, np.array([0, 1, 1, 0, 1, 1, 0, 1], dtype=bool), (1.0,))[1.0]
    assert linear.owners.tolist() == owners
    parts = linear.contributions(matrix)
    assert_allclose(parts.sum(axis=1), linear.log_odds(matrix) - linear.log_odds(matrix).mean(), atol=1e-9)


@pytest.mark.parametrize("imputation", ["mean", "knn"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("feature", "value"), [("amount", 5_000.0), ("region", "south"), ("amount", 0.0)])
def test_changing_one_feature_changes_its_part_alone(imputation, feature, value):
    encoder, frame, bought = world()
    full = frame.assign(age=40.0, returns=1.0)  # without gaps, whose filling may depend on the other columns
    linear = fit_linear(encoder, encoder.transform(frame), bought, (1.0,), imputation)[1.0]
    before, after = (encoder.transform(rows) for rows in (full, full.assign(**{feature: value})))
    change = linear.contributions(after) - linear.contributions(before)
    others = [i for i, name in enumerate(encoder.features) if name != feature]
    assert_array_equal(change[:, others], 0)
    assert_allclose(change.sum(axis=1), linear.log_odds(after) - linear.log_odds(before), atol=1e-9)
    assert np.abs(change).max() > 0.1


def test_a_gap_counts_for_the_feature_that_has_it():
    rng = np.random.default_rng(5)
    values = rng.normal(size=(500, 2))
    gap = rng.random(500) < 0.3
    values[gap, 1] = np.nan
    linear = fit_linear(Encoder(("a", "b"), {}), values, gap ^ (rng.random(500) < 0.1), (1.0,))[1.0]
    a, b = linear.contributions(np.array([[0.0, np.nan]]))[0]
    assert b > 1 > 0.3 > abs(a)


# ── penalties and weights ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("imputation", ["mean", "knn"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_several_penalties_at_once_are_as_many_separate_fits(imputation):
    encoder, frame, bought = world()
    matrix = encoder.transform(frame)
    at_once = fit_linear(encoder, matrix, bought, (0.01, 1.0), imputation)
    assert list(at_once) == [0.01, 1.0]
    for penalty, linear in at_once.items():
        alone = fit_linear(encoder, matrix, bought, (penalty,), imputation)[penalty]
        assert_array_equal(linear.log_odds(matrix), alone.log_odds(matrix))
    assert at_once[0.01].log_odds(matrix).std() < at_once[1.0].log_odds(matrix).std()


def test_a_weight_of_two_counts_as_two_rows():
    encoder, frame, bought = world()
    matrix = encoder.transform(frame.assign(age=40.0))
    whole = fit_linear(encoder, matrix, bought, (1.0,), weight=np.full(400, 2.0))[1.0]
    doubled = fit_linear(encoder, np.vstack([matrix, matrix]), np.tile(bought, 2), (1.0,))[1.0]
    assert_allclose(whole.log_odds(matrix), doubled.log_odds(matrix), atol=1e-6)
