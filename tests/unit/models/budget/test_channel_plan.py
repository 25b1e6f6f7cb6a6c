"""The plan of a table of channels and a budget, against the slow, obvious way to make it."""

from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from models.budget.document import told
from models.budget.explain import explain
from models.budget.problem import of_channels
from models.budget.solution import Method, SolverName
from models.errors import Infeasible

SOLVERS = get_args(SolverName)
COLUMNS = ["channel", "unit_cost", "unit_return", "max_units", "min_units"]


def channels(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


@dataclass(frozen=True)
class Bought:
    channel: str
    units: float
    cost: float
    expected_return: float
    binds: str | None


@dataclass(frozen=True)
class Plan:
    """What a document tells, line by line."""

    budget: float
    cost: float
    expected_return: float
    marginal_return: float
    allocation: list[Bought]


def planned(frame: pd.DataFrame, money: float, solver: SolverName = "highs") -> Plan:
    problem = of_channels(frame, money)
    document = told(problem, explain(problem, method=Method(solver=solver)))
    lines = [Bought(**{name: line[name] for name in Bought.__annotations__}) for line in document["allocation"]]
    return Plan(**{name: document[name] for name in list(Plan.__annotations__)[:-1]}, allocation=lines)


EXAMPLE = channels(
    ("feed", 50, 3.2, 10_000, 2_000),
    ("search", 80, 4.5, 6_000, 1_500),
    ("short video", 30, 2.8, 15_000, 3_000),
)


def best_return(frame: pd.DataFrame, money: float) -> float:
    """The slow, obvious way: buy the minimum, then whatever returns most per unit of cost, until nothing is left.

    Units are divisible, so the greedy choice is exact.
    """
    left = money - (frame["min_units"] * frame["unit_cost"]).sum()
    assert left >= 0
    total = (frame["min_units"] * frame["unit_return"]).sum()
    for row in sorted(frame.itertuples(), key=lambda r: -r.unit_return / r.unit_cost):
        if row.unit_return > 0:
            units = min(row.max_units - row.min_units, left / row.unit_cost)
            left -= units * row.unit_cost
            total += units * row.unit_return
    return float(total)


def small_problem(seed: int) -> tuple[pd.DataFrame, float]:
    """Two or three channels in small whole numbers, a budget from just enough to more than can be spent."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 4))
    least = rng.integers(0, 4, count)
    most = least + rng.integers(0, 7, count)
    cost, worth = rng.integers(1, 10, count), rng.integers(-2, 10, count)
    money = rng.integers((cost * least).sum(), (cost * most).sum() + 5)
    rows = zip([f"c{i}" for i in range(count)], cost, worth, most, least, strict=True)
    return channels(*rows), float(money)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_worked_example(solver):
    plan = planned(EXAMPLE, 1_130_000, solver)
    assert [(p.channel, p.units, p.cost, p.expected_return, p.binds) for p in plan.allocation] == [
        ("feed", pytest.approx(10_000), pytest.approx(500_000), pytest.approx(32_000), "maximum"),
        ("search", pytest.approx(2_250), pytest.approx(180_000), pytest.approx(10_125), None),
        ("short video", pytest.approx(15_000), pytest.approx(450_000), pytest.approx(42_000), "maximum"),
    ]
    assert plan.budget == 1_130_000
    assert plan.cost == pytest.approx(1_130_000)
    assert plan.expected_return == pytest.approx(84_125)
    assert plan.marginal_return == pytest.approx(4.5 / 80) == pytest.approx(0.05625)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_published_plan_returns_less_for_the_same_money(solver):
    published = np.array([10_000, 6_000, 5_000])
    assert (published >= EXAMPLE["min_units"]).all()
    assert (published <= EXAMPLE["max_units"]).all()
    assert published @ EXAMPLE["unit_cost"] == 1_130_000
    assert published @ EXAMPLE["unit_return"] == pytest.approx(73_000)
    ours = planned(EXAMPLE, 1_130_000, solver)
    assert ours.expected_return - 73_000 == pytest.approx(11_125)


def test_the_obvious_way_finds_the_worked_example():
    assert best_return(EXAMPLE, 1_130_000) == pytest.approx(84_125)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    ("money", "units", "binds", "marginal_return"),
    [
        (310_000, [2_000, 1_500, 3_000], ["minimum", "minimum", "minimum"], None),
        (400_000, [2_000, 1_500, 6_000], ["minimum", "minimum", None], 2.8 / 30),
        (770_000, [4_000, 1_500, 15_000], [None, "minimum", "maximum"], 3.2 / 50),
        (2_000_000, [10_000, 6_000, 15_000], ["maximum", "maximum", "maximum"], 0),
    ],
)
def test_more_money_buys_the_best_ratio_first(solver, money, units, binds, marginal_return):
    plan = planned(EXAMPLE, money, solver)
    assert [p.units for p in plan.allocation] == pytest.approx(units)
    assert [p.binds for p in plan.allocation] == binds
    if marginal_return is not None:  # at its least the plan has a right slope alone
        assert plan.marginal_return == pytest.approx(marginal_return)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("seed", range(15))
def test_the_plan_is_as_good_as_the_obvious_one_and_keeps_the_rules(solver, seed):
    frame, money = small_problem(seed)
    plan = planned(frame, money, solver)
    units = np.array([p.units for p in plan.allocation])
    assert plan.expected_return == pytest.approx(best_return(frame, money), abs=1e-6)
    assert plan.expected_return == pytest.approx(units @ frame["unit_return"])
    assert plan.cost == pytest.approx(units @ frame["unit_cost"])
    assert plan.cost <= money + 1e-6
    assert (units >= frame["min_units"] - 1e-6).all()
    assert (units <= frame["max_units"] + 1e-6).all()


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("seed", range(15))
def test_the_marginal_return_is_the_slope_of_the_best_return(solver, seed):
    frame, money = small_problem(seed)
    marginal = planned(frame, money, solver).marginal_return
    # The best return is concave in the budget, and its kinks lie at whole numbers. CBC writes eight digits.
    more = (best_return(frame, money + 0.5) - best_return(frame, money)) / 0.5
    assert marginal >= more - 1e-7
    if money - 0.5 >= (frame["min_units"] * frame["unit_cost"]).sum():
        less = (best_return(frame, money) - best_return(frame, money - 0.5)) / 0.5
        assert marginal <= less + 1e-7
        if less == pytest.approx(more):
            assert marginal == pytest.approx(more, abs=1e-7)


def test_the_small_problems_have_slopes_of_every_kind():
    slopes = {"smooth": 0, "kinked": 0, "flat": 0, "least": 0}
    for frame, money in map(small_problem, range(30)):
        if money - 0.5 < (frame["min_units"] * frame["unit_cost"]).sum():
            slopes["least"] += 1
            continue
        less, more = (abs(best_return(frame, money) - best_return(frame, money + d)) for d in (-0.5, 0.5))
        slopes["flat" if less == more == 0 else "smooth" if less == pytest.approx(more) else "kinked"] += 1
    assert all(slopes.values()), slopes


def test_a_budget_too_small_for_the_minimum_units_names_what_is_missing():
    with pytest.raises(Infeasible, match=r"cost 310,000\.00, the budget is 300,000\.50: 9,999\.50 are missing"):
        planned(EXAMPLE, 300_000.5)


def test_a_minimum_above_its_maximum_names_the_channel():
    crossed = EXAMPLE.assign(min_units=[2_000, 7_000, 3_000])
    with pytest.raises(Infeasible, match="channel 'search': minimum 7000 above maximum 6000 units"):
        planned(crossed, 1_130_000)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_channel_that_loses_money_is_bought_no_more_than_it_must(solver):
    frame = channels(("loses", 1, -1, 10, 2), ("earns", 1, 1, 3, 0))
    plan = planned(frame, 100, solver)
    assert [(p.units, p.binds) for p in plan.allocation] == [(2, "minimum"), (3, "maximum")]
    assert plan.cost == 5


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_last_fraction_of_a_unit_does_not_exceed_the_budget(solver):
    plan = planned(channels(("feed", 3, 1, 1_000_000, 0)), 200_000, solver)
    assert plan.cost <= 200_000 + 1e-6
    assert plan.allocation[0].units == pytest.approx(66_666 + 2 / 3, abs=1e-6)


def test_a_budget_that_just_pays_the_minimum_units_is_enough():
    plan = planned(channels(("feed", 0.1, 1, 3, 3)), 0.3)
    assert plan.allocation[0].units == pytest.approx(3)
