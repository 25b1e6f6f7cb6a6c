"""Where rounding could break a limit: just below what fills a channel, tiny minima beside vast maxima."""

import numpy as np
import pandas as pd
import pytest

from models.budget.explain import explain
from models.budget.problem import Curve, of_channels
from models.budget.solution import Method
from models.budget.solve import solve
from tests.budget_problems import EXAMPLE
from tests.unit.models.budget.knowledge import channels

SOLVERS = ("highs", "cbc")


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("missing", [10.0**-n for n in range(7)])
def test_money_that_nearly_fills_a_piece_is_not_exceeded(solver, missing):
    """10,000 units at 50 cost 500,000: a cent less buys 0.0002 units less."""
    curve = Curve(widths=(10_000.0, 10_000.0), marginal=(3.2, 2.0))
    problem = of_channels(channels(("feed", 50, 3.2, 2e7, 0)), 500_000 - missing, curves={"feed": curve})
    solution = solve(problem, Method(solver=solver))
    assert solution.cost <= problem.budget
    assert solution.units.sum() == pytest.approx(10_000 - missing / 50, rel=1e-9)
    if missing >= 0.001:  # less is rounding
        assert solution.units.sum() == pytest.approx(10_000 - missing / 50, rel=1e-11)
        assert solution.marginal.more == pytest.approx(3.2 / 50)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("money", [310_000, 485_000, 770_000, 950_000, 1_070_000, 1_430_000])
@pytest.mark.parametrize("step", [-0.1, -0.001, -1e-5, 1e-5, 0.001, 0.1])
def test_at_kinks_all_limits_are_kept(solver, money, step):
    if money + step < 310_000:
        return
    solution = solve(of_channels(EXAMPLE, money + step), Method(solver=solver))
    assert solution.cost <= money + step
    assert (solution.units >= EXAMPLE["min_units"] * (1 - 1e-10)).all()
    assert (solution.units <= EXAMPLE["max_units"] * (1 + 1e-10)).all()


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("least", [0.5, 50, 5_000])
def test_a_small_minimum_of_what_could_be_bought_by_the_billion_is_kept(solver, least):
    table = channels(("a", 0.001, 0.0001, 2e9, least), ("b", 1, 2, 2e6, 0))
    solution = solve(of_channels(table, 1_000_000), Method(solver=solver))
    assert solution.units[0] == pytest.approx(least, rel=1e-9)
    assert solution.units[0] >= least * (1 - 1e-12)
    assert solution.cost <= 1_000_000
    assert solution.units[1] == pytest.approx(1_000_000 - least / 1000, rel=1e-12)


def test_a_current_plan_above_the_budget_by_a_hair_is_not_kept_as_it_is():
    """0.001 units of search too many cost 0.08."""
    current = pd.DataFrame({"channel": EXAMPLE["channel"], "units": [10_000, 2_250.001, 15_000]})
    explanation = explain(of_channels(EXAMPLE, 1_130_000), current=current)
    assert explanation.comparison.broken == ("spend at most 1,130,000 in total: off by 0.08",)
    assert not explanation.comparison.keep_current
    assert explanation.units @ EXAMPLE["unit_cost"] <= 1_130_000


def test_a_current_plan_above_the_budget_by_rounding_is_kept_within_it():
    """Plans are stored with twelve digits: that may add a billionth of a unit."""
    current = pd.DataFrame({"channel": EXAMPLE["channel"], "units": [10_000, 2_250.00000001, 15_000]})
    explanation = explain(of_channels(EXAMPLE, 1_130_000), current=current)
    assert explanation.comparison.broken == ()
    assert explanation.comparison.keep_current
    assert explanation.units @ EXAMPLE["unit_cost"].to_numpy(float) <= 1_130_000
    assert np.isclose(explanation.units[1], 2_250)
