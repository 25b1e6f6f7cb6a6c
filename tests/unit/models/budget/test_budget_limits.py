"""What each kind of limit does, on problems that can be worked out by hand; and what limits are worth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.budget.activities import of_responses
from models.budget.problem import Curve, Problem, Rule, Where, of_channels
from models.budget.solution import Method
from models.budget.solve import solve
from models.errors import BadProblem, Infeasible
from tests.budget_problems import EXAMPLE

SOLVERS = ("highs", "cbc")
TWO = pd.DataFrame({"channel": ["a", "b"], "unit_cost": [1.0, 1.0], "unit_return": [2.0, 1.0]})


def units(problem: Problem, solver: str = "highs") -> list[float]:
    return solve(problem, Method(solver=solver)).units.tolist()


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_worked_example(solver):
    solution = solve(of_channels(EXAMPLE, 1_130_000), Method(solver=solver))
    assert solution.units == pytest.approx([10_000, 2_250, 15_000], rel=1e-12)
    assert solution.expected_return == pytest.approx(84_125, rel=1e-12)
    assert solution.cost <= 1_130_000
    assert solution.gap < 1e-12
    assert (solution.marginal.more, solution.marginal.less) == pytest.approx((0.05625, 0.05625), rel=1e-12)
    worth = {value.limit.of: value.more for value in solution.values[1:]}
    assert worth == pytest.approx({"short video": 2.8 - 30 * 0.05625, "feed": 3.2 - 50 * 0.05625})


@pytest.mark.parametrize("solver", SOLVERS)
def test_at_a_kink_both_sides_are_told(solver):
    """At 950,000 + 120,000 feed and video are just full: less costs feed's return, more brings search's."""
    kink = solve(of_channels(EXAMPLE, 1_070_000), Method(solver=solver)).marginal
    assert (kink.more, kink.less) == pytest.approx((4.5 / 80, 3.2 / 50))
    least = solve(of_channels(EXAMPLE, 310_000), Method(solver=solver)).marginal
    assert least.more == pytest.approx(2.8 / 30)
    assert least.less is None
    most = solve(of_channels(EXAMPLE, 1_430_000), Method(solver=solver)).marginal
    assert (most.more, most.less) == pytest.approx((0, 4.5 / 80))


def test_a_budget_that_is_not_spent_has_no_value():
    assert solve(of_channels(EXAMPLE, 2_000_000)).marginal is None


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_share_caps_a_channel(solver):
    rule = Rule(name="a", where=Where(channels=("a",)), at_most=0.4, is_share=True)
    assert units(Problem(activities=TWO, budget=100, rules=(rule,)), solver) == pytest.approx([40, 60])


def test_a_floor_gives_a_group_its_least():
    rule = Rule(name="b", measure="units", where=Where(channels=("b",)), at_least=30)
    solution = solve(Problem(activities=TWO, budget=100, rules=(rule,)))
    assert solution.units == pytest.approx([70, 30])
    (floor,) = (value for value in solution.values if value.limit.kind == "rule")
    assert (floor.more, floor.less) == pytest.approx((-1, -1))


def test_segments_have_floors_and_contact_limits():
    frame = pd.DataFrame({"channel": "a", "segment": ["x", "y"], "unit_cost": 1.0, "unit_return": [2.0, 1.0]})
    people = pd.DataFrame({"segment": ["x", "y"], "customers": [10, 10]})
    limited = people.assign(contacts_per_customer=3, min_contacts_per_customer=0.5)
    assert units(Problem(activities=frame, budget=32, segments=limited)) == pytest.approx([27, 5])
    assert units(Problem(activities=frame, budget=52, segments=limited)) == pytest.approx([30, 22])


def test_offers_share_whom_a_channel_may_reach():
    frame = pd.DataFrame({"channel": "a", "offer": ["x", "y"], "unit_cost": [1.0, 3.0], "unit_return": [2.0, 4.0]})
    reach = pd.DataFrame({"channel": ["a"], "segment": ["all"], "max_units": [10]})
    assert units(Problem(activities=frame, budget=100, reach=reach)) == pytest.approx([0, 10])
    assert units(Problem(activities=frame, budget=20, reach=reach)) == pytest.approx([5, 5])


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_floor_of_spending_may_need_the_dear_offer(solver):
    """Without it the dear offer, which returns less, is left out before solving."""
    frame = pd.DataFrame({"channel": "a", "offer": ["x", "y"], "unit_cost": [1.0, 3.0], "unit_return": [2.0, 1.0]})
    reach = pd.DataFrame({"channel": ["a"], "segment": ["all"], "max_units": [10]})
    problem = Problem(activities=frame, budget=100, reach=reach)
    free, held = (solve(p, Method(solver=solver)) for p in (problem, replace(problem, rules=(SPEND,))))
    assert (free.units.tolist(), free.pruned) == ([10, 0], 1)
    assert (held.units.tolist(), held.pruned) == (pytest.approx([5, 5]), 0)


SPEND = Rule(name="spend", measure="cost", at_least=20)


def test_periods_have_budgets_of_their_own():
    frame = pd.DataFrame({"channel": "a", "period": ["may", "june"], "unit_cost": 1.0, "unit_return": [2.0, 1.0]})
    periods = pd.DataFrame({"period": ["may", "june"], "budget": [60, 60]})
    assert units(Problem(activities=frame, budget=100, periods=periods)) == pytest.approx([60, 40])


def test_frozen_channels_keep_their_units_and_contributions_are_met():
    frozen = TWO.assign(fixed_units=[np.nan, 25])
    assert units(of_channels(frozen, 100)) == pytest.approx([75, 25])
    contributing = TWO.assign(min_return=[np.nan, 10])
    assert units(of_channels(contributing, 100)) == pytest.approx([90, 10])


def test_a_least_roi_stops_spending():
    frame = TWO.assign(unit_return=[2.0, 1.1], max_units=[10.0, 100.0])
    assert units(of_channels(frame, 100, min_roi=0.5)) == pytest.approx([10, 12.5])  # (2·10 + 1.1·12.5) / 22.5 = 1.5


@pytest.mark.parametrize("solver", SOLVERS)
def test_batches_are_whole(solver):
    frame = TWO.assign(batch_units=[30, 0])
    assert units(of_channels(frame, 100), solver) == pytest.approx([90, 10])
    assert units(of_channels(frame.assign(batch_units=[30, 7]), 100), solver) == pytest.approx([90, 7])


def test_returns_fall_along_a_curve():
    curve = Curve(widths=(10, 10, 10), marginal=(3, 1.5, 0.5))
    problem = of_channels(TWO, 25, curves={"a": curve})
    solution = solve(problem)
    assert solution.units[problem.activities["channel"] == "a"] == pytest.approx([10, 10, 0])
    assert solution.expected_return == pytest.approx(30 + 15 + 5)


def test_returns_of_a_plan_have_an_interval():
    frame = TWO.assign(unit_return_low=[1.0, 0.5], unit_return_high=[2.5, 1.5])
    interval = solve(of_channels(frame, 10)).interval
    assert (interval.low, interval.high) == pytest.approx((10, 25))
    assert solve(of_channels(TWO, 10)).interval is None


def responses(**columns) -> pd.DataFrame:
    return pd.DataFrame({"channel": ["mail", "sms"], "segment": ["young", "young"], "response": [0.1, 0.2], **columns})


CHANNELS = pd.DataFrame({"channel": ["mail", "sms"], "unit_cost": [0.5, 1.0]})
YOUNG = pd.DataFrame({"segment": ["young"], "customers": [100], "value": [20.0], "contacts_per_customer": [1]})


def test_activities_come_from_responses_and_values():
    periods = pd.DataFrame({"period": ["may", "june"], "season": [1.0, 0.5]})
    problem = of_responses(CHANNELS, responses(cost_per_response=[0, 5]), YOUNG, budget=60, periods=periods)
    frame = problem.activities.set_index(["channel", "period"])
    assert frame.loc[("mail", "may"), ["unit_cost", "unit_return"]].tolist() == pytest.approx([0.5, 2])
    assert frame.loc[("sms", "june"), ["unit_cost", "unit_return"]].tolist() == pytest.approx([1 + 0.1 * 5, 2])
    assert solve(problem).expected_return == pytest.approx(60 / 0.5 * 2 - 20 * 1)  # may is full at 100 contacts


def test_intervals_of_responses_and_values_multiply():
    wide = responses(response_low=[0.05, 0.1], response_high=[0.2, 0.4])
    frame = of_responses(CHANNELS, wide, YOUNG.assign(value_low=10.0, value_high=30.0)).activities
    assert frame["unit_return_low"].tolist() == pytest.approx([0.5, 1])
    assert frame["unit_return_high"].tolist() == pytest.approx([6, 12])


def test_responses_fall_as_more_are_contacted():
    reach = pd.DataFrame({"channel": ["mail", "sms"], "segment": "young", "max_units": [40, 10]})
    bent = of_responses(CHANNELS, responses(), YOUNG, budget=100, reach=reach, shape=((0.5, 1.0), (0.5, 0.5)))
    assert solve(bent).expected_return == pytest.approx(20 * 2 + 20 * 1 + 5 * 4 + 5 * 2)
    with pytest.raises(BadProblem, match="a falling response needs to know who can be reached"):
        of_responses(CHANNELS, responses(), YOUNG, shape=((0.5, 1.0), (0.5, 0.5)))


def test_a_channel_without_cost_is_named():
    with pytest.raises(BadProblem, match="responses row 2, column 'channel': 'sms' is not among the channels"):
        of_responses(CHANNELS[:1], responses(), YOUNG)


def test_a_floor_that_nothing_can_raise_has_no_right_side():
    frame = pd.DataFrame(
        {"channel": ["a"], "unit_cost": [1.0], "unit_return": [1.0], "min_units": [5.0], "max_units": [5.0]}
    )
    solution = solve(of_channels(frame, 100))
    floor = next(value for value in solution.values if value.limit.kind == "channel minimum")
    assert (floor.more, floor.less) == (None, 0)
    with pytest.raises(Infeasible):
        solve(replace(of_channels(frame, 100), budget=4.0))
