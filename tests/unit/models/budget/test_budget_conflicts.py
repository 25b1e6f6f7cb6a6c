"""Why there is no plan, in amounts that people can act on: solved with what is advised, there is one."""

from dataclasses import replace

import pytest

from models.budget.infeasible import conflict
from models.budget.problem import Rule, Where, of_channels
from models.budget.solution import Method
from models.budget.solve import solve
from models.errors import Infeasible
from tests.budget_problems import EXAMPLE
from tests.unit.models.budget.knowledge import channels


def share(of: str, **bounds: float) -> Rule:
    return Rule(name=of, where=Where(channels=(of,)), is_share=True, **bounds)


@pytest.mark.parametrize("solver", ["highs", "cbc"])
@pytest.mark.parametrize(("budget", "words"), [(309_999.99, "0.01 are"), (309_999.9974, "310,000, .*: 0.0026 are")])
def test_little_money_that_is_missing_is_named(solver, budget, words):
    with pytest.raises(Infeasible, match=rf"minimum units cost .*{words} missing"):
        solve(of_channels(EXAMPLE, budget), Method(solver=solver))


@pytest.mark.parametrize("solver", ["highs", "cbc"])
def test_with_whole_batches_the_budget_alone_is_tried(solver):
    """70 of each are asked for, in batches of 60: 240 of money; or 60 of each, if each minimum gives 10."""
    table = channels(("a", 1, 1, 1_000, 70), ("b", 1, 1, 1_000, 70), batch_units=[60, 60])
    found = conflict(of_channels(table, 130), Method(solver=solver))
    assert [(change.limit.kind, change.by) for change in found.changes] == [("budget", pytest.approx(110))]
    solve(of_channels(table, 240), Method(solver=solver))


@pytest.mark.parametrize("solver", ["highs", "cbc"])
def test_a_share_that_cannot_be_is_told_as_the_share_that_could_be(solver):
    """a must have 100 units for 200; b has no more than 100 units for 100: a has two thirds of the money at least."""
    table = channels(("a", 2, 3, 100, 100), ("b", 1, 1, 100, 0))
    problem = of_channels(table, 1_000, rules=(share("a", at_most=0.2),))
    found = conflict(problem, Method(solver=solver))
    told = [change for change in (*found.changes, *found.alternatives) if change.limit.kind == "rule"]
    assert [change.words for change in told] == ["raise 'at most this share of cost: a: 0.2 of all' to 0.6667 of all"]
    solve(replace(problem, rules=(share("a", at_most=0.6667),)))


def test_a_return_on_cost_that_cannot_be_is_told_as_the_one_that_could_be():
    """50 units of a for 100 return 150; 100 of b for 100 return 110: at best half of what is spent, from a alone."""
    table = channels(("a", 2, 3, 100, 50), ("b", 1, 1.1, 100, 0))
    problem = of_channels(table, 1_000, min_roi=0.9)
    found = conflict(problem)
    words = [change.words for change in (*found.changes, *found.alternatives)]
    assert "lower 'return at least (1 + 0.9) × cost' to an ROI of 0.5" in words
    solve(replace(problem, min_roi=0.5))


def test_shares_that_only_an_empty_plan_keeps_contradict_each_other():
    table = channels(("a", 2, 3, 100, 0), ("b", 1, 1, 100, 0))
    with pytest.raises(Infeasible, match=r"at least 0\.7 \(a\) and at least 0\.7 \(b\) come to 1\.4 of it; lower"):
        solve(of_channels(table, 1_000, rules=(share("a", at_least=0.7), share("b", at_least=0.7))))
    with pytest.raises(Infeasible, match=r"at most 0\.2 \(a\) and at most 0\.3 \(b\) come to 0\.5 of it; raise"):
        solve(of_channels(table, 1_000, rules=(share("a", at_most=0.2), share("b", at_most=0.3))))
    assert solve(of_channels(table, 1_000, rules=(share("a", at_least=0.7), share("b", at_least=0.3)))).cost > 0
    assert solve(of_channels(table, 1_000, rules=(share("a", at_most=0.2),))).cost > 0


def test_the_roi_that_would_do_is_the_best_there_is() -> None:
    """Minimums and all of short video: 55,150 for 670,000. Nearest to +10 % in money are the minimums alone."""
    asked = of_channels(EXAMPLE, 1_000_000, min_roi=0.1)
    found = conflict(asked)
    assert found is not None
    assert found.words.endswith("to an ROI of -0.9177")
    assert conflict(replace(asked, min_roi=-0.9177)) is None
    assert conflict(replace(asked, min_roi=-0.9176)) is not None
