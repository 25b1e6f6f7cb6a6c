from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.budget import cbc, highs
from models.budget.problem import Curve, Problem, Rule, Where, of_channels
from models.budget.solution import Method
from models.budget.solve import solve
from models.errors import BadProblem, Infeasible, SolverFailed, Unbounded
from tests.budget_problems import EXAMPLE

BUDGET = 1_130_000


def problem(table: pd.DataFrame = EXAMPLE, budget: float = BUDGET, **more) -> Problem:
    return replace(of_channels(table, budget), **more)


def changed(column: str, row: int, value: object) -> pd.DataFrame:
    frame = EXAMPLE.astype({column: object}) if isinstance(value, str) else EXAMPLE.astype({column: float})
    frame.loc[row, column] = value
    return frame


def people(**columns: list) -> pd.DataFrame:
    return pd.DataFrame({"segment": ["all"], "customers": [10], **columns})


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (
            problem(changed("unit_cost", 1, -80)),
            "activities row 2, column 'unit_cost': is -80; it must be .* at least 0",
        ),
        (problem(changed("unit_cost", 1, np.nan)), r"row 2, column 'unit_cost': is missing \(NaN\); give a number"),
        (
            problem(EXAMPLE.drop(columns="max_units").assign(unit_cost="much")),
            "row 1, column 'unit_cost': 'much' is not a number",
        ),
        (problem(changed("unit_return", 2, np.nan)), r"row 3, column 'unit_return': is missing \(NaN\)"),
        (problem(changed("unit_return", 2, np.inf)), "row 3, column 'unit_return': is inf"),
        (problem(changed("channel", 2, "feed")), "activities row 3, column 'channel': 'feed.*' is there already"),
        (problem(changed("min_units", 0, -1)), "channels row 1, column 'min_units': is -1"),
        (problem(EXAMPLE.assign(unit_return_low=1.0)), "column 'unit_return_low': has one end alone"),
        (
            problem(EXAMPLE.assign(unit_return_low=4.0, unit_return_high=5.0)),
            "row 1, column 'unit_return_low': the interval does not hold unit_return",
        ),
        (problem(EXAMPLE.assign(currency=["EUR", "EUR", "CNY"])), "row 3, column 'currency': is CNY, elsewhere EUR"),
        (
            problem(EXAMPLE.assign(currency="EUR"), segments=people(currency=["USD"])),
            "segments row 1, column 'currency': is USD, elsewhere EUR; convert",
        ),
        (problem(budget=-1.0), "column 'budget': is -1; give 0 or more"),
        (problem(budget=float("nan")), "column 'budget': is nan"),
        (problem(min_roi=-2.0), "column 'min_roi': is -2"),
        (problem(activities=EXAMPLE[:0]), "there is nothing to buy"),
        (problem(activities=EXAMPLE.drop(columns="unit_cost")), "column 'unit_cost': is missing; add the column"),
        (problem(segments=people().assign(customers=-1)), "segments row 1, column 'customers': is -1"),
        (
            problem(segments=people().assign(customers=0, min_contacts_per_customer=1)),
            "segments row 1, column 'customers': a floor for a segment without customers",
        ),
        (problem(segments=people().assign(segment="young")), "the activities' segment 'all' has no row"),
        (problem(rules=(Rule(name="r"),)), "rule 'r', column 'at_least': limits nothing"),
        (problem(rules=(Rule(name="r", at_most=40, is_share=True),)), "is 40; a share is between 0 and 1"),
        (
            problem(rules=(Rule(name="r", where=Where(channels=("serach",)), at_most=1),)),
            "there is no channel 'serach'; did you mean 'search'",
        ),
    ],
)
def test_what_cannot_be_is_named_with_its_place(bad, words):
    with pytest.raises(BadProblem, match=words):
        solve(bad)


@pytest.mark.parametrize(
    ("curve", "words"),
    [
        (Curve(widths=(10, 10), marginal=(1, 2)), "'unit_return': rises from piece to piece: the curve is not concave"),
        (Curve(widths=(np.inf, 10), marginal=(2, 1)), "'max_units': a piece follows one without end"),
    ],
)
def test_a_curve_that_is_not_concave_is_refused(curve, words):
    with pytest.raises(BadProblem, match=words):
        solve(of_channels(EXAMPLE, BUDGET, curves={"feed": curve}))


def test_pieces_of_one_activity_cost_the_same():
    bent = of_channels(EXAMPLE, BUDGET, curves={"feed": Curve(widths=(10, 10), marginal=(2, 1))})
    frame = bent.activities
    frame.loc[frame["piece"] == 1, "unit_cost"] = 60
    with pytest.raises(BadProblem, match="'unit_cost': differs between pieces"):
        solve(bent)


def test_bounds_that_cross_are_infeasible_by_name():
    with pytest.raises(Infeasible, match="channel 'search': minimum 7000 above maximum 6000"):
        solve(problem(changed("min_units", 1, 7_000)))
    with pytest.raises(Infeasible, match=r"rule 'r': at least 0.5 is above at most 0.4"):
        solve(problem(rules=(Rule(name="r", at_least=0.5, at_most=0.4, is_share=True),)))


@pytest.mark.parametrize("solver", ["highs", "cbc"])
def test_no_money_buys_nothing_and_says_what_the_first_would_return(solver):
    nothing = solve(problem(EXAMPLE.assign(min_units=0), budget=0.0), Method(solver=solver))
    assert (nothing.cost, nothing.expected_return, nothing.status) == (0, 0, "optimal")
    assert nothing.marginal.more == pytest.approx(2.8 / 30)
    assert nothing.marginal.less is None


def test_a_segment_without_customers_gets_nothing():
    frame = pd.DataFrame(
        {"channel": "mail", "segment": ["young", "nobody"], "unit_cost": 1.0, "unit_return": [1.0, 9.0]}
    )
    segments = pd.DataFrame({"segment": ["young", "nobody"], "customers": [10, 0], "contacts_per_customer": [2, 2]})
    assert solve(Problem(activities=frame, segments=segments)).units.tolist() == [20, 0]


@pytest.mark.parametrize("solver", ["highs", "cbc"])
def test_a_return_without_end_is_refused(solver):
    endless = problem(EXAMPLE.assign(max_units=[10.0, np.inf, 10.0], min_units=0), budget=np.inf)
    with pytest.raises(Unbounded, match="'search' earns, and neither a budget nor a maximum"):
        solve(endless, Method(solver=solver))


def test_a_missing_solver_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "highspy", None)
    with pytest.raises(SolverFailed, match=r"HiGHS is not installed: .* or choose solver 'cbc'"):
        solve(problem())
    monkeypatch.setattr(cbc.pulp.PULP_CBC_CMD, "available", lambda self: False)
    with pytest.raises(SolverFailed, match=r"no CBC on this machine: .* or choose solver 'highs'"):
        solve(problem(), Method(solver="cbc"))


def test_no_plan_in_time_is_said(monkeypatch):
    found = highs.nothing("stopped")
    monkeypatch.setitem(solve.__globals__["solve_built"].__globals__["SOLVERS"], "highs", lambda *_: found)
    with pytest.raises(SolverFailed, match="highs found no plan that keeps all limits in 3 s"):
        solve(problem(), Method(seconds=3))
