"""Repeat purchases of customers who may leave unseen, and what they spend: BG/NBD and gamma-gamma.

BG/NBD (Fader, Hardie and Lee, "Counting Your Customers the Easy Way", Marketing Science 24, 2005): a customer
orders at a steady rate, gamma(r, alpha) among customers, and after each order leaves for good with a
probability that is beta(a, b) among customers. Gamma-gamma (Fader and Hardie, "The Gamma-Gamma Model of
Monetary Value", 2013): orders differ around a customer's own mean, and means differ among customers. Three
numbers say all of a customer: repeat orders x, days from the first to the last t_x, days since the first T.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1

from models.encoding import require_columns, to_numbers
from models.errors import TooLittleHistory
from models.metrics import Array

HISTORY = ("repeat_orders", "first_to_last_order_days", "tenure_days")
SPENT = "repeat_order_amount_mean"
MIN_REPEATING = 10  # customers with repeat orders; fewer say nothing of how customers differ
_BOUND = 7.0  # of the logarithm of a parameter, after scaling: where customers are all alike, the best one has no end
_NEXT_TO_ONE = 1e-5


@dataclass(frozen=True)
class CustomerBase:
    """Parameters of a company's customers; ``alpha`` in days, ``scale`` in money, the others without unit.

    Orders: rates are gamma(``r``, ``alpha``), leaving is beta(``a``, ``b``). Money: of one customer's orders
    gamma(``shape``, ·), of customers' rates gamma(``mean_shape``, ``scale``): p, q and gamma in the paper.
    """

    r: float
    alpha: float
    a: float
    b: float
    shape: float
    mean_shape: float
    scale: float


def fit_customer_base(frame: pd.DataFrame) -> CustomerBase:
    """Both models by maximum likelihood on customers of one snapshot: columns ``HISTORY`` and ``SPENT``.

    The mean order's money is learned from customers with repeat orders that cost anything; a net return is none.

    Raises:
        MissingColumns: one of the columns is not in the frame.
        TooLittleHistory: fewer than ``MIN_REPEATING`` customers ordered again, or paid for it.
    """
    require_columns(frame, (*HISTORY, SPENT))
    orders, last, age = _history(frame)
    spent = to_numbers(frame[SPENT])
    paid = (orders > 0) & (spent > 0)  # false where nothing is known
    for count, did in (((orders > 0).sum(), "ordered again"), (paid.sum(), "paid for a repeat order")):
        if count < MIN_REPEATING:
            raise TooLittleHistory(f"{count} customers {did}, {MIN_REPEATING} are needed")
    return CustomerBase(*fit_orders(orders, last, age), *fit_spent(orders[paid], spent[paid]))


def expected_revenue(base: CustomerBase, frame: pd.DataFrame, days: float) -> Array:
    """Money each customer is expected to spend in the next ``days``; same columns, one value per row."""
    require_columns(frame, (*HISTORY, SPENT))
    columns = [to_numbers(frame[name]) for name in (*HISTORY, SPENT)]
    return expected_revenue_of(base, np.column_stack(columns).reshape(len(frame), len(columns)), days)


def expected_revenue_of(base: CustomerBase, matrix: Array, days: float) -> Array:
    """The same; ``matrix`` has the columns ``HISTORY`` and ``SPENT``, NaN where missing."""
    orders, last, age = _in_order(*matrix[:, : len(HISTORY)].T)
    return _orders_ahead(base, orders, last, age, days) * _spent_each(base, orders, matrix[:, len(HISTORY)])


def expected_orders(base: CustomerBase, frame: pd.DataFrame, days: float) -> Array:
    """Orders in the next ``days``, given a customer's history: equation 10 of Fader, Hardie and Lee.

    Where a customer ordered more often than a - 1, Euler's transformation of the hypergeometric function takes
    the powers of that number out, which would overflow.
    """
    return _orders_ahead(base, *_history(frame), days)


def _orders_ahead(base: CustomerBase, orders: Array, last: Array, age: Array, days: float) -> Array:
    a = base.a if abs(base.a - 1) > _NEXT_TO_ONE else 1 + _NEXT_TO_ONE  # the limit at 1 exists, the formula does not
    total = a + base.b + orders - 1
    total = np.where(np.abs(total) > _NEXT_TO_ONE, total, _NEXT_TO_ONE)
    gone = days / (base.alpha + age + days)
    often = base.r + orders
    with np.errstate(invalid="ignore", over="ignore"):
        as_published = (1 - gone) ** often * hyp2f1(often, base.b + orders, total, gone)
        transformed = (1 - gone) ** (a - 1) * hyp2f1(a + base.b - 1 - base.r, a - 1, total, gone)
    never = np.nan_to_num(np.where(often < a - 1, as_published, transformed))  # nothing times endless: nothing
    return np.clip(total / (a - 1) * (1 - never) * _alive(base, orders, last, age), 0, None)


def alive_probability(base: CustomerBase, frame: pd.DataFrame) -> Array:
    """That a customer has not left; 1 without repeat orders, for one leaves after an order alone."""
    return _alive(base, *_history(frame))


def _alive(base: CustomerBase, orders: Array, last: Array, age: Array) -> Array:
    log_odds_left = (
        np.log(base.a)
        - np.log(base.b + np.maximum(orders, 1) - 1)
        + (base.r + orders) * np.log((base.alpha + age) / (base.alpha + last))
    )
    return np.where(orders > 0, 1 / (1 + np.exp(np.clip(log_odds_left, None, 700))), 1.0)


def expected_spent(base: CustomerBase, frame: pd.DataFrame) -> Array:
    """Money of a customer's average order: its own mean, drawn to that of all the more the fewer it made."""
    require_columns(frame, (*HISTORY, SPENT))
    return _spent_each(base, _history(frame)[0], to_numbers(frame[SPENT]))


def _spent_each(base: CustomerBase, orders: Array, mean: Array) -> Array:
    spent = np.fmax(mean, 0)
    orders = np.where(np.isnan(mean), 0, orders)
    return base.shape * (base.scale + orders * spent) / (base.shape * orders + base.mean_shape - 1)


def fit_orders(orders: Array, last: Array, age: Array) -> tuple[float, float, float, float]:
    """r, alpha, a, b of the greatest likelihood; repeat orders, days to the last one, days since the first."""
    unit = float(age.mean())
    scaled = (orders, last / unit, age / unit)
    r, alpha, a, b = _fitted(lambda parameters: orders_log_likelihood(parameters, *scaled), (0.0, 0.0, 0.0, 1.0))
    return r, alpha * unit, a, b


def fit_spent(orders: Array, spent: Array) -> tuple[float, float, float]:
    """Shape, mean shape and scale of the greatest likelihood; repeat orders and their mean money, both above 0.

    The mean shape is held above 1: below it the mean order of all customers has no end.
    """
    unit = float(spent.mean())

    def likelihood(parameters: Array) -> Array:
        return spent_log_likelihood(parameters + np.array([0.0, 1.0, 0.0]), orders, spent / unit)

    shape, above_one, scale = _fitted(likelihood, (1.0, 1.0, 0.0))
    return shape, 1 + above_one, scale * unit


def orders_log_likelihood(parameters: Array, orders: Array, last: Array, age: Array) -> Array:
    """Each customer's, in nats; (r, alpha, a, b) in the unit of the times. Equation 6, in logarithms."""
    r, alpha, a, b = parameters
    again = orders > 0
    common = gammaln(r + orders) - gammaln(r) + r * np.log(alpha)
    common = common + gammaln(a + b) + gammaln(b + orders) - gammaln(b) - gammaln(a + b + orders)
    still_here = -(r + orders) * np.log(alpha + age)
    left = np.log(a) - np.log(b + np.where(again, orders, 1) - 1) - (r + orders) * np.log(alpha + last)
    return common + np.logaddexp(still_here, np.where(again, left, -np.inf))


def spent_log_likelihood(parameters: Array, orders: Array, spent: Array) -> Array:
    """Each customer's, in nats; (shape, mean shape, scale). Equation 1a of Fader and Hardie, in logarithms."""
    p, q, v = parameters
    n = p * orders
    ratios = gammaln(n + q) - gammaln(n) - gammaln(q) + q * np.log(v)
    return ratios + (n - 1) * np.log(spent) + n * np.log(orders) - (n + q) * np.log(v + orders * spent)


def _fitted(log_likelihood: Callable[[Array], Array], start: tuple[float, ...]) -> list[float]:
    """The parameters, all above 0, of the greatest mean likelihood; ``start`` in logarithms."""
    found = minimize(
        lambda logs: -float(log_likelihood(np.exp(logs)).mean()),
        np.array(start),
        method="L-BFGS-B",
        jac="3-point",
        bounds=[(-_BOUND, _BOUND)] * len(start),
        options={"ftol": 1e-13, "gtol": 1e-8, "maxiter": 500},
    )
    return [float(value) for value in np.exp(found.x)]


def _history(frame: pd.DataFrame) -> tuple[Array, Array, Array]:
    require_columns(frame, HISTORY)
    return _in_order(*(to_numbers(frame[name]) for name in HISTORY))


def _in_order(*history: Array) -> tuple[Array, Array, Array]:
    """Repeat orders, days from first to last and days since the first: in their order, and none of them below 0."""
    orders, last, age = (np.fmax(column, 0) for column in history)  # NaN counts as none
    age = np.maximum(age, 1e-9)
    return orders, np.minimum(last, age), age
