"""What is left out before solving must be out of every plan: for other budgets, and where limits give."""

import numpy as np
import pandas as pd
import pytest

from models.budget.built import prepare
from models.budget.explain import explain
from models.budget.frontier import frontier
from models.budget.infeasible import conflict
from models.budget.problem import Curve, Problem, of_channels
from tests.budget_judging import differs_from_solving_anew, faults
from tests.budget_problems import middle_problem
from tests.unit.models.budget.knowledge import channels


def bent(budget: float, widths: tuple[float, ...], cost: float = 10, least: float = 0) -> Problem:
    curve = Curve(widths=widths, marginal=(3.0, 2.0, 1.0)[: len(widths)])
    return of_channels(channels(("a", cost, 3, 100_000, least)), budget, curves={"a": curve})


def offers(budget: float) -> Problem:
    frame = pd.DataFrame({"channel": "c", "offer": list("abc"), "unit_cost": [1.0, 2, 3], "unit_return": [1, 1.4, 3]})
    return Problem(activities=frame.assign(max_units=100.0), budget=budget)


def test_a_frontier_from_little_money_reaches_the_later_pieces_of_a_curve():
    """1,000 units at 3, 1,000 at 2, 98,000 at 1: the whole curve returns 103,000."""
    problem = bent(5_000, (1_000, 1_000, np.inf))
    table = frontier(problem, [5_000, 15_000, 1_000_000])
    assert table["expected_return"].tolist() == pytest.approx([1_500, 4_000, 103_000])
    assert table["marginal_return"].tolist() == pytest.approx([0.3, 0.2, 0])
    assert frontier(problem)["expected_return"].iloc[-1] == pytest.approx(103_000)


def test_the_next_money_reaches_the_later_pieces_of_a_curve():
    steps = explain(bent(5_000, (1_000, 1_000, np.inf)), next_money=10_000).next_money
    assert sum(step.expected_return for step in steps) == pytest.approx(2_500)


def test_offers_that_little_money_does_not_exhaust_are_there_for_more():
    """600 buys 100 of each: 100 + 140 + 300."""
    assert frontier(offers(50), [50, 600])["expected_return"].tolist() == pytest.approx([50, 540])


def test_a_budget_that_could_be_raised_is_named():
    found = conflict(bent(50, (100, np.inf), cost=1, least=150))
    assert [(change.limit.kind, change.by) for change in found.changes] == [("budget", pytest.approx(100))]
    assert [(other.limit.kind, other.by) for other in found.alternatives] == [("channel minimum", pytest.approx(100))]


def test_offers_that_share_who_may_be_contacted_are_still_left_out():
    assert len(prepare(middle_problem(0)).kept) < 0.75 * len(middle_problem(0).activities)


def test_other_budgets_and_the_next_money_give_what_solving_anew_gives():
    assert faults(differs_from_solving_anew, 15) == (15, [])
