"""Repeat purchases: worked by hand, by slow means, and on customers simulated from known parameters."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import beta, gamma

from models import purchases
from models.errors import MissingColumns, TooLittleHistory
from models.purchases import CustomerBase

CDNOW = CustomerBase(r=0.243, alpha=4.414, a=0.793, b=2.426, shape=6.25, mean_shape=3.74, scale=15.44)
"""As published, in weeks: Fader, Hardie and Lee (2005); Fader and Hardie (2013)."""

# Customers of every kind, each equally many: the slow and plain way to integrate over rates and leaving.
RATES = gamma.ppf((np.arange(4_000) + 0.5) / 4_000, CDNOW.r, scale=1 / CDNOW.alpha)[:, None]
LEAVES = beta.ppf((np.arange(500) + 0.5) / 500, CDNOW.a, CDNOW.b)[None, :]


def of_each_kind(x: int, last: float, age: float) -> tuple[np.ndarray, np.ndarray]:
    """How likely such a history is for each kind of customer who is still here, and who left with the last order."""
    here = (1 - LEAVES) ** x * RATES**x * np.exp(-RATES * age)
    gone = LEAVES * (1 - LEAVES) ** (x - 1) * RATES**x * np.exp(-RATES * last) if x else 0 * here
    return here, gone


def history(*customers: tuple[float, float, float, float | None]) -> pd.DataFrame:
    return pd.DataFrame(customers, columns=[*purchases.HISTORY, purchases.SPENT])


def simulated(count: int, base: CustomerBase, weeks: float, later: float = 39.0) -> pd.DataFrame:
    """Customers who order and leave as the model says, with what they ordered and spent in the weeks after."""
    rng = np.random.default_rng(1)
    rows = []
    for _ in range(count):
        rate, leaves = rng.gamma(base.r, 1 / base.alpha), rng.beta(base.a, base.b)
        money = base.shape / rng.gamma(base.mean_shape, 1 / base.scale)  # the mean of this customer's orders
        at, times = 0.0, []
        while (at := at + rng.exponential(1 / rate)) < weeks + later:
            times.append(at)
            if rng.random() < leaves:
                break
        x = sum(t < weeks for t in times)
        spent = rng.gamma(base.shape, money / base.shape, len(times))
        rows.append((x, times[x - 1] if x else 0.0, weeks, spent[:x].mean() if x else None, spent[x:].sum()))
    return pd.DataFrame(rows, columns=[*purchases.HISTORY, purchases.SPENT, "later"])


# ── likelihood, by hand and by integration ────────────────────────────────────────────────────


def test_the_likelihood_of_who_never_ordered_again_is_that_of_a_slow_rate():
    """(alpha / (alpha + T))^r: nothing came in T; nobody leaves before a first repeat order."""
    found = purchases.orders_log_likelihood(np.array([2.0, 3.0, 1.0, 1.0]), *np.array([[0.0], [0.0], [3.0]]))
    assert np.exp(found) == pytest.approx([(3 / 6) ** 2])


def test_the_likelihood_of_one_repeat_order_by_hand():
    """r = alpha = a = b = 1, one order at 1, seen until 3. Stayed: ½ · 1/(1 + 3)²; left with it: ½ · 1/(1 + 1)²."""
    found = purchases.orders_log_likelihood(np.ones(4), *np.array([[1.0], [1.0], [3.0]]))
    assert np.exp(found) == pytest.approx([0.5 / 16 + 0.5 / 4])


@pytest.mark.parametrize(("x", "last", "age"), [(2, 30.43, 38.86), (1, 1.71, 38.86), (7, 29.4, 38.9)])
def test_the_likelihood_of_orders_equals_the_mean_over_many_customers(x, last, age):
    here, gone = of_each_kind(x, last, age)
    parameters = np.array([CDNOW.r, CDNOW.alpha, CDNOW.a, CDNOW.b])
    found = purchases.orders_log_likelihood(parameters, *np.array([[float(x)], [last], [age]]))
    assert np.exp(found[0]) == pytest.approx((here + gone).mean(), rel=1e-3)


def test_the_likelihood_of_money_equals_integration_over_rates():
    """The mean of x orders, each gamma(p, rate), is gamma(p·x, rate·x)."""
    p, q, v, x, mean = 6.25, 3.74, 15.44, 3.0, 40.0
    slow, _ = quad(lambda rate: gamma.pdf(mean, p * x, scale=1 / (rate * x)) * gamma.pdf(rate, q, scale=1 / v), 0, 10)
    found = purchases.spent_log_likelihood(np.array([p, q, v]), np.array([x]), np.array([mean]))
    assert np.exp(found[0]) == pytest.approx(slow, rel=1e-6)


# ── what is expected ──────────────────────────────────────────────────────────────────────────


def test_the_published_customer_is_expected_to_order_1_226_times():
    """x = 2, t_x = 30.43, T = 38.86, 39 weeks ahead: the worked example of Fader, Hardie and Lee's note."""
    found = purchases.expected_orders(CDNOW, history((2, 30.43, 38.86, 20.0)), 39)
    assert found == pytest.approx([1.226], abs=1e-3)


@pytest.mark.parametrize(("x", "last", "age"), [(0, 0.0, 20.0), (2, 30.43, 38.86), (7, 12.0, 38.9)])
def test_expected_orders_equal_the_mean_over_many_customers(x, last, age):
    """Whoever is still there and leaves after an order with p makes (1 - exp(-rate·p·t)) / p more."""

    here, gone = of_each_kind(x, last, age)
    more = -np.expm1(-RATES * LEAVES * 39) / LEAVES
    frame = history((x, last, age, 20.0))
    assert purchases.alive_probability(CDNOW, frame) == pytest.approx([here.sum() / (here + gone).sum()], rel=1e-3)
    expected = (here * more).sum() / (here + gone).sum()
    assert purchases.expected_orders(CDNOW, frame, 39) == pytest.approx([expected], rel=2e-3)


def test_who_has_been_silent_for_long_has_left_and_who_never_ordered_again_could_not():
    frame = history((6, 38.0, 39.0, 20.0), (6, 3.0, 39.0, 20.0), (0, 0.0, 39.0, None))
    here, silent, never = purchases.alive_probability(CDNOW, frame)
    assert never == 1
    assert here > 0.8 > 0.1 > silent


def test_hundreds_of_orders_overflow_nothing():
    frame = history((900, 364.0, 365.0, 30.0), (3_000, 20.0, 365.0, 30.0))
    found = purchases.expected_orders(CDNOW, frame, 90)
    assert found[0] == pytest.approx(900 / 365 * 90, rel=0.2)
    assert found[1] == pytest.approx(0)


@pytest.mark.parametrize(
    ("base", "x", "age", "ahead"),
    [
        (CustomerBase(0.89, 0.768, 4.62, 4.79, 1, 2, 1), 1_500, 354.0, 300.0),  # the formula as published overflows
        (CustomerBase(0.37, 0.037, 204.95, 0.14, 1, 2, 1), 0, 1.76, 113.2),  # and here its transformation
    ],
)
def test_both_forms_of_the_formula_are_needed(base, x, age, ahead):
    """Of whoever is still here, rate and leaving are gamma(r + x, alpha + T) and beta(a, b + x)."""
    middle = (np.arange(1_000) + 0.5) / 1_000
    rate = gamma.ppf(middle, base.r + x, scale=1 / (base.alpha + age))[:, None]
    leaves = beta.ppf(middle, base.a, base.b + x)[None, :]
    slow = (-np.expm1(-rate * leaves * ahead) / leaves).mean()
    found = purchases.expected_orders(base, history((x, age if x else 0.0, age, 1.0)), ahead)
    assert found == pytest.approx([slow], rel=0.01)


@pytest.mark.parametrize("a", [1.0, 1.0 + 1e-9])
def test_the_formula_has_a_limit_where_a_is_1(a):
    frame = history((2, 30.43, 38.86, 20.0), (0, 0.0, 38.86, None))
    near = purchases.expected_orders(replace(CDNOW, a=1.001), frame, 39)
    assert purchases.expected_orders(replace(CDNOW, a=a), frame, 39) == pytest.approx(near, rel=1e-2)


def test_the_mean_order_is_drawn_to_that_of_all_the_more_the_fewer_there_were():
    """All: p·v / (q - 1) = 6.25 · 15.44 / 2.74 = 35.22. One order of 100: p (v + 100) / (p + q - 1) = 80.26."""
    frame = history((0, 0.0, 39.0, None), (1, 9.0, 39.0, 100.0), (50, 38.0, 39.0, 100.0))
    everyone, once, often = purchases.expected_spent(CDNOW, frame)
    assert (everyone, once) == (pytest.approx(35.22, abs=0.01), pytest.approx(80.26, abs=0.01))
    assert once < often < 100


def test_revenue_is_orders_times_money():
    frame = history((2, 30.43, 38.86, 100.0))
    orders, money = purchases.expected_orders(CDNOW, frame, 39), purchases.expected_spent(CDNOW, frame)
    assert purchases.expected_revenue(CDNOW, frame, 39) == pytest.approx(orders * money)


# ── fitting ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    return simulated(4_000, CustomerBase(0.8, 6.0, 0.8, 2.4, 6.0, 4.0, 30.0), weeks=39)


def test_the_parameters_of_simulated_customers_are_found(customers):
    base = purchases.fit_customer_base(customers)
    assert base.r == pytest.approx(0.8, rel=0.1)
    assert base.alpha == pytest.approx(6.0, rel=0.15)
    assert base.a / (base.a + base.b) == pytest.approx(0.25, rel=0.1)  # the mean share that leaves after an order
    assert base.shape * base.scale / (base.mean_shape - 1) == pytest.approx(60.0, rel=0.05)


def test_no_other_parameters_are_likelier(customers):
    orders, last, age = (customers[name].to_numpy(dtype=float) for name in purchases.HISTORY)
    best = np.array(purchases.fit_orders(orders, last, age))
    at_best = purchases.orders_log_likelihood(best, orders, last, age).sum()
    for position in range(4):
        for factor in (0.97, 1.03):
            other = np.where(np.arange(4) == position, best * factor, best)
            assert purchases.orders_log_likelihood(other, orders, last, age).sum() < at_best


def test_simulated_customers_spend_what_is_expected(customers):
    base = purchases.fit_customer_base(customers)
    expected = purchases.expected_revenue(base, customers, 39)
    assert expected.sum() == pytest.approx(customers["later"].sum(), rel=0.1)
    assert np.corrcoef(expected, customers["later"])[0, 1] > 0.6


def test_the_unit_of_time_and_of_money_changes_nothing(customers):
    days = customers * np.array([1, 7, 7, 100, 100])
    base, in_days = purchases.fit_customer_base(customers), purchases.fit_customer_base(days)
    assert in_days.alpha == pytest.approx(7 * base.alpha, rel=1e-4)
    ahead = purchases.expected_revenue(in_days, days, 273) / 100
    assert ahead == pytest.approx(purchases.expected_revenue(base, customers, 39), rel=1e-4)


def test_nobody_who_orders_again_is_too_little_history():
    with pytest.raises(TooLittleHistory, match="0 customers ordered again, 10 are needed"):
        purchases.fit_customer_base(history(*[(0, 0.0, 39.0, None)] * 50))


def test_the_fewest_customers_one_can_learn_from(customers):
    again = customers[customers["repeat_orders"] > 0].head(10)
    assert purchases.fit_customer_base(again).r > 0
    with pytest.raises(TooLittleHistory, match="9 customers ordered again"):
        purchases.fit_customer_base(again.head(9))


def test_repeat_orders_that_all_came_back_are_nothing_paid(customers):
    again = customers[customers["repeat_orders"] > 0].head(50)
    with pytest.raises(TooLittleHistory, match="0 customers paid"):
        purchases.fit_customer_base(again.assign(repeat_order_amount_mean=-3.0))


def test_customers_whose_orders_all_cost_the_same_are_expected_to_pay_that(customers):
    same = customers.assign(repeat_order_amount_mean=customers["repeat_order_amount_mean"].notna() * 20.0)
    spent = purchases.expected_spent(purchases.fit_customer_base(same), same)
    assert spent == pytest.approx(np.full(len(same), 20.0), rel=0.01)


def test_customers_who_are_all_alike_can_be_fitted():
    base = purchases.fit_customer_base(history(*[(5, 35.0, 39.0, 20.0)] * 30))
    expected = purchases.expected_revenue(base, history((5, 35.0, 39.0, 20.0)), 39)
    assert expected == pytest.approx([100.0], rel=0.2)


def test_a_net_return_expects_no_less_than_nothing(customers):
    base = purchases.fit_customer_base(customers)
    assert purchases.expected_revenue(base, history((2, 30.0, 39.0, -50.0), (0, 0.0, 0.0, None)), 39).min() >= 0


def test_no_customers_are_expected_to_spend_nothing():
    assert purchases.expected_revenue(CDNOW, history(), 39).tolist() == []


def test_a_history_that_is_missing_counts_as_none():
    unknown, none = history((None, None, 39.0, None)), history((0, 0.0, 39.0, None))
    assert purchases.expected_revenue(CDNOW, unknown, 39) == purchases.expected_revenue(CDNOW, none, 39) > 0


@pytest.mark.parametrize("column", [*purchases.HISTORY, purchases.SPENT])
def test_a_missing_column_is_named(customers, column):
    with pytest.raises(MissingColumns, match=column):
        purchases.fit_customer_base(customers.drop(columns=column))
