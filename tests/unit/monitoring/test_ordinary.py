"""What two ordinary periods differ by, learned by drawing whole weeks and whole customers."""

import numpy as np
import pandas as pd
import pytest

from monitoring.distances import Binned
from monitoring.ordinary import OrdinaryRule, Periods, learn_distances, moving, threshold

RULE = OrdinaryRule(resamples=200, rows=400, seed=5)


def world(weeks: int = 16, customers: int = 60, spread: float = 0.0, seed: int = 3) -> tuple[pd.DataFrame, Periods]:
    """Five rows a customer and week; customers differ lastingly by ``spread``, and so do weeks by two thirds of it."""
    rng = np.random.default_rng(seed)
    week = np.repeat(np.arange(weeks), customers * 5)
    customer = np.tile(np.repeat(np.arange(customers), 5), weeks)
    level = rng.normal(0, spread, customers)[customer] + rng.normal(0, spread / 1.5, weeks)[week]
    frame = pd.DataFrame({"amount": level + rng.normal(0, 1, len(week)), "tenure": week * 7.0 + customer})
    return frame, Periods.of(pd.Series(week), pd.Series(customer), length=2)


def learned(frame: pd.DataFrame, periods: Periods, rule: OrdinaryRule = RULE):
    return learn_distances(Binned(frame[["amount"]]), periods, {"data": {"amount": 1.0}}, rule)["data"]


def test_the_quantile_follows_from_how_many_alarms_a_history_may_have() -> None:
    """2 alarms among 12 checks, 5 %: at most 0.1 alarms a history expected, a third of them of each judgement."""
    assert OrdinaryRule().quantile == pytest.approx(1 - 0.1 / 36)
    assert OrdinaryRule(alarms=1, judgements=1).quantile == pytest.approx(1 - 0.05 / 12)


def test_customers_and_weeks_of_different_kinds_make_larger_distances_ordinary() -> None:
    alike, different = learned(*world()), learned(*world(spread=1.0))
    assert alike.typical < alike.clear < alike.alarm
    assert different.alarm > 2 * alike.alarm
    assert (alike.weeks, alike.resamples, alike.seed) == (16, 200, 5)


def test_rows_of_one_customer_are_drawn_together() -> None:
    """Ten customers who each change their mind every week: drawn row by row they would seem steadier than they are."""
    rng = np.random.default_rng(3)
    weeks, customers, each = 16, 10, 40
    week = pd.Series(np.repeat(np.arange(weeks), customers * each))
    customer = pd.Series(np.tile(np.repeat(np.arange(customers), each), weeks))
    frame = pd.DataFrame({"amount": rng.normal(0, 1, (weeks, customers))[week, customer]})
    whole, by_row = (Periods.of(week, who, length=2) for who in (customer, pd.Series(np.arange(len(week)))))
    assert learned(frame, whole).typical > 1.15 * learned(frame, by_row).typical


def test_the_same_seed_learns_the_same() -> None:
    assert learned(*world()) == learned(*world())
    assert learned(*world()) != learned(*world(), OrdinaryRule(resamples=200, rows=400, seed=6))


def test_what_rises_with_every_week_moves_with_the_calendar() -> None:
    frame, periods = world()
    assert moving(Binned(frame), periods) == ("tenure",)


@pytest.mark.parametrize(("weeks", "length", "enough"), [(7, 1, False), (8, 1, True), (11, 4, False), (12, 4, True)])
def test_with_few_weeks_nothing_is_learned(weeks: int, length: int, enough: bool) -> None:
    periods = Periods.of(pd.Series(range(weeks)), pd.Series([1] * weeks), length)
    assert (periods.too_few is None) == enough
    if not enough:
        assert periods.too_few == f"{weeks} weeks to learn from, {max(8, 3 * length)} are the least"
        assert moving(Binned(pd.DataFrame({"tenure": np.arange(weeks) * 1.0})), periods) == ()


def test_a_period_is_adjacent_weeks_and_what_it_is_compared_with_lies_a_gap_away() -> None:
    periods = Periods.of(pd.Series(range(12)), pd.Series([1] * 12), length=3, gap=2)
    for inside, outside, times in periods.draws(50, np.random.default_rng(1)):
        assert list(inside) == list(range(inside[0], inside[0] + 3))
        assert all(week < inside[0] - 2 or week > inside[-1] + 2 for week in outside)
        assert times.sum() == 1


def test_a_threshold_is_made_of_quantiles() -> None:
    found = threshold(np.arange(101.0), OrdinaryRule(alarms=1, checks=1, judgements=1, false_alarms=0.05), 10)
    assert (found.alarm, found.clear, found.typical) == (95, 90, 50)
