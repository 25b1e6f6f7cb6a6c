"""Time that runs out: what was found is told as such, and nothing is called impossible for want of time."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.budget import highs, solve
from models.budget.document import told
from models.budget.explain import explain
from models.budget.frontier import frontier
from models.budget.problem import Problem, of_channels
from models.budget.solution import Method
from models.errors import SolverFailed
from tests.unit.models.budget.knowledge import channels


def sixty() -> Problem:
    """60 channels in batches that all return nearly the same: no solver proves its plan in a moment."""
    rng = np.random.default_rng(1)
    costs = rng.integers(100, 999, 60).astype(float)
    table = pd.DataFrame({"channel": [f"c{i}" for i in range(60)], "unit_cost": costs, "max_units": 60.0})
    table["unit_return"] = costs + 17.3 + rng.random(60) * 0.01
    return of_channels(table.assign(min_units=0.0, batch_units=rng.integers(3, 17, 60).astype(float)), 123_457)


@pytest.mark.parametrize("solver", ["highs", "cbc"])
@pytest.mark.parametrize("seconds", [0.001, 0.2])
def test_too_little_time_is_never_called_impossible(solver, seconds):
    try:
        found = solve.solve(sixty(), Method(solver=solver, seconds=seconds))
    except SolverFailed as error:
        assert "give it more time" in str(error)  # noqa: PT017
        return
    assert found.cost <= 123_457
    if found.status == "best found":
        assert found.gap > 0
        assert (found.marginal, found.values) == (None, ())


def stopped(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    def interrupted(programme, seconds=None):
        found = highs.solve(programme)
        if found.status != "optimal":
            return found
        return replace(found, status="stopped", x=found.x * factor, bound=float("inf"))

    monkeypatch.setitem(solve.SOLVERS, "highs", interrupted)


def test_what_was_found_is_shrunk_to_the_budget_and_no_further(monkeypatch):
    """1,000 of money buy a's minimum of 100 and more; ten per cent too many become as many as money buys."""
    problem = of_channels(channels(("a", 1, 2, 1_000, 100), ("b", 1, 1, 1_000, 0)), 1_000)
    stopped(monkeypatch, 1.1)
    solution = solve.solve(problem, Method(seconds=1))
    assert solution.status == "best found"
    assert solution.cost == pytest.approx(1_000)
    assert solution.cost <= 1_000


def test_what_is_not_known_for_want_of_time_is_not_called_nothing(monkeypatch):
    problem = of_channels(channels(("a", 1, 2, 1_000, 100), ("b", 1, 1, 1_000, 0)), 500)
    stopped(monkeypatch, 0.9)
    explanation = explain(problem, method=Method(seconds=1))
    assert "What more money would return is not known: time ran out." in explanation.words
    document = told(problem, explanation)
    assert (document["status"], document["marginal_return"]) == ("best found", None)
    rows = frontier(problem, [50, 200], Method(seconds=1))
    assert rows["status"].tolist() == ["infeasible", "best found"]
    assert rows["marginal_return"].isna().all()
