"""Random problems against what must hold; `make bench ONLY=budget` does the same for hundreds of them."""

from dataclasses import replace

import numpy as np
import pytest

from models.budget import highs, sift, solve
from models.budget.built import prepare
from models.budget.exact import bound
from models.budget.solution import Method
from models.errors import Infeasible
from tests import budget_judging
from tests.budget_judging import (
    breaks_rules_of_programmes,
    differs_beside_large_spend,
    differs_from_brute_force,
    faults,
    is_worse_than_current,
)
from tests.budget_problems import best_corner, middle_problem, random_problem, small_problem


def test_small_problems_are_solved_as_well_as_by_trying_every_corner():
    assert faults(differs_from_brute_force, 40) == (40, [])


def test_batches_beside_millions_are_as_good_as_by_trying_every_count():
    assert faults(differs_beside_large_spend, 8) == (8, [])


def test_the_small_problems_are_of_every_kind():
    problems = [small_problem(np.random.default_rng(seed)) for seed in range(40)]
    assert sum(best_corner(problem) is None for problem in problems) >= 2
    assert sum("batch_units" in problem.channels for problem in problems) >= 5
    assert sum("piece" in problem.activities for problem in problems) >= 5
    assert sum(bool(problem.rules) for problem in problems) >= 5


def test_programmes_are_feasible_without_gap_alike_for_both_solvers_and_values_are_slopes():
    assert faults(breaks_rules_of_programmes, 12) == (12, [])


def test_the_random_programmes_have_kinks():
    kinks = 0
    for seed in range(12):
        try:
            values = solve.solve(random_problem(np.random.default_rng(seed))).values
        except Infeasible:
            continue
        kinks += sum(None in (v.more, v.less) or v.less - v.more > 1e-6 for v in values)
    assert kinks >= 5


def test_no_plan_is_worse_than_the_current_one():
    assert faults(is_worse_than_current, 12) == (12, [])


def test_a_solver_that_returns_less_than_the_current_plan_is_found_out(monkeypatch):
    def lame(built, method=None, *, budget_alone=False):
        least = built.problem.activities.assign(unit_return=lambda frame: -frame["unit_return"].abs())
        for name in ("unit_return_low", "unit_return_high"):
            least = least.drop(columns=name)
        found = solve.solve(replace(built.problem, activities=concave(least)))
        return replace(found, expected_return=float(built.form.returns @ found.units))

    monkeypatch.setattr(budget_judging, "solve_built", lame)
    good, wrong = faults(is_worse_than_current, 12)
    assert good < 6
    assert any("worse by" in words for words in wrong)


def concave(frame):
    """The returns of an activity's pieces, made to fall."""
    keys = ["channel", "segment", "offer", "period"]
    return frame.assign(unit_return=frame.groupby(keys, observed=True)["unit_return"].transform("min"))


@pytest.mark.parametrize("seed", range(3))
def test_sifting_finds_what_solving_the_whole_finds(seed):
    built = prepare(middle_problem(seed))
    form = built.scaled.form
    whole = highs.solve(solve.presolve.programme(form))
    sifted = sift.solve(form, built.upper, highs.solve, doubt=10)  # it takes several rounds
    assert sifted.status == "optimal"
    assert form.returns @ sifted.x == pytest.approx(whole.bound, rel=1e-8)
    assert bound(form, sifted.row_values, built.upper) == pytest.approx(whole.bound, rel=1e-8)


def test_leaving_out_beaten_offers_does_not_change_the_plan():
    problem = middle_problem(0)
    built = prepare(problem)
    everything = replace(built, kept=np.arange(len(problem.activities)))
    assert len(built.kept) < 0.75 * len(problem.activities)
    upper = solve.presolve.implied_upper(built.form)
    small = solve.presolve.scaled(built.form, upper)
    everything = replace(everything, scaled=small, upper=upper / small.column)
    pruned, whole = solve.solve_built(built), solve.solve_built(everything)
    assert pruned.expected_return == pytest.approx(whole.expected_return, rel=1e-9)
    assert pruned.marginal.more == pytest.approx(whole.marginal.more, rel=1e-9)


def test_time_that_runs_out_is_told_with_the_gap(monkeypatch):
    def interrupted(programme, seconds=None):
        found = highs.solve(programme)
        return replace(found, status="stopped", x=found.x * 0.9, bound=float("inf"))

    monkeypatch.setitem(solve.SOLVERS, "highs", interrupted)
    solution = solve.solve(replace(random_problem(np.random.default_rng(5)), channels=None), Method(seconds=1))
    assert solution.status == "best found"
    assert solution.gap == pytest.approx(0.1, abs=0.02)
    assert solution.values == ()
