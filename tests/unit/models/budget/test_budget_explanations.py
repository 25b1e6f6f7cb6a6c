from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.budget.document import told
from models.budget.explain import explain
from models.budget.frontier import frontier, least_budget
from models.budget.infeasible import conflict
from models.budget.problem import Curve, Rule, Where, of_channels
from models.budget.solution import Method
from models.budget.solve import solve
from models.errors import BadProblem, Infeasible
from tests.budget_problems import EXAMPLE, middle_problem

PROBLEM = of_channels(EXAMPLE, 1_130_000)


def plan(*units: float, channels: tuple[str, ...] = ("feed", "search", "short video")) -> pd.DataFrame:
    return pd.DataFrame({"channel": channels, "units": units})


def test_the_published_plan_is_worse_at_the_same_cost():
    comparison = explain(PROBLEM, current=plan(10_000, 6_000, 5_000)).comparison
    assert (comparison.current_cost, comparison.current_return) == pytest.approx((1_130_000, 73_000))
    assert comparison.broken == ()
    assert comparison.difference == pytest.approx(11_125)
    assert not comparison.keep_current
    assert comparison.words.endswith("the best plan returns 11,125.00 more")


def test_a_plan_that_is_as_good_is_kept():
    explanation = explain(PROBLEM, current=plan(10_000, 2_250, 15_000))
    assert explanation.comparison.keep_current
    assert explanation.comparison.difference == 0
    assert explanation.units.tolist() == [10_000, 2_250, 15_000]
    assert "no plan is better: keep it" in explanation.comparison.words


def test_a_plan_above_the_budget_is_named_and_compared_after_scaling():
    comparison = explain(PROBLEM, current=plan(10_000, 6_000, 15_000)).comparison
    assert comparison.broken == ("spend at most 1,130,000 in total: off by 300,000.00",)
    assert comparison.scale == pytest.approx(1_130 / 1_430)
    assert comparison.scaled_return == pytest.approx(101_000 * 1_130 / 1_430)
    assert comparison.still_broken == ()
    assert comparison.difference == pytest.approx(84_125 - 101_000 * 1_130 / 1_430)


def test_a_plan_that_breaks_a_minimum_stays_broken():
    comparison = explain(PROBLEM, current=plan(10_000, 1_000, 15_000)).comparison
    assert comparison.broken == ("buy at least 1,500 units of search: off by 500.00",)
    assert not comparison.keep_current


def test_a_plan_that_returns_more_by_breaking_a_limit_is_not_kept():
    comparison = explain(PROBLEM, current=plan(10_000, 1_875, 16_000)).comparison
    assert comparison.difference < 0
    assert not comparison.keep_current
    assert "more than the best plan only because it breaks limits" in comparison.words


def test_more_than_a_channel_has_room_for_is_named():
    bent = of_channels(EXAMPLE, 1_130_000, curves={"feed": Curve(widths=(2_000, 1_000), marginal=(3, 1))})
    comparison = explain(bent, current=plan(4_000, 1_500, 3_000)).comparison
    assert comparison.broken == ("feed has no room for 1,000.00 of the current units",)
    assert comparison.current_return == pytest.approx(2_000 * 3 + 1_000 + 1_500 * 4.5 + 3_000 * 2.8)


def test_what_the_current_plan_does_not_tell_apart_is_split_as_well_as_can_be():
    problem = replace(middle_problem(0), budget=1e9)
    best = solve(problem)
    channels = pd.Series(best.units).groupby(problem.activities["channel"].astype(str)).sum()
    current = pd.DataFrame({"channel": channels.index, "units": channels.to_numpy()})
    comparison = explain(problem, best, current=current).comparison
    assert comparison.current_return == pytest.approx(best.expected_return)
    assert comparison.current_cost <= best.cost * (1 + 1e-9)


@pytest.mark.parametrize(
    ("current", "words"),
    [
        (plan(1, channels=("radio",)), "column 'channel': the plan has no channel 'radio'"),
        (plan(1, np.nan, 2), "row 2, column 'units': is nan; give units of 0 or more"),
        (pd.DataFrame({"units": [1.0]}), "column 'channel': is missing"),
    ],
)
def test_a_current_plan_that_cannot_be_is_refused(current, words):
    with pytest.raises(BadProblem, match=words):
        explain(PROBLEM, current=current)


@pytest.mark.parametrize("solver", ["highs", "cbc"])
def test_the_next_money_goes_where_it_returns_most(solver):
    poor = replace(PROBLEM, budget=660_000)  # video is nearly full, feed is next
    steps = explain(poor, next_money=20_000, method=Method(solver=solver)).next_money
    assert [(step.channel, step.cost) for step in steps] == [
        ("short video", pytest.approx(10_000)),
        ("feed", pytest.approx(10_000)),
    ]
    assert steps[0].words.startswith("10,000.00 of the next 20,000 go to short video (333.33 units)")


def test_money_that_moves_away_comes_last():
    third = Rule(name="a", where=Where(channels=("a",)), at_least=0.5, is_share=True)
    table = pd.DataFrame(
        {"channel": ["a", "b"], "unit_cost": 1.0, "unit_return": [1.0, 2.0], "max_units": [100.0, 4.0]}
    )
    steps = explain(replace(of_channels(table, 8), rules=(third,)), next_money=10).next_money
    assert [(step.channel, step.units) for step in steps] == [("a", pytest.approx(10))]


def test_an_explanation_says_it_in_words():
    wide = EXAMPLE.assign(
        unit_return_low=EXAMPLE["unit_return"] * [0.5, 0.99, 0.9], unit_return_high=EXAMPLE["unit_return"]
    )
    explanation = explain(of_channels(wide, 1_130_000))
    words = "\n".join(explanation.words)
    assert words.startswith("Spending 1,130,000.00 returns 84,125.00 (from 63,823.75 to 84,125.00): the best there is.")
    assert "'spend at most 1,130,000 in total' binds: with one unit of money more the return changes by +0.05625" in (
        words.lower()
    )
    assert explanation.at_low == pytest.approx(63_823.75)
    assert explanation.conservative.expected_return > explanation.at_low
    assert explanation.conservative.units[1] == pytest.approx(6_000)  # the safe channel comes first
    assert [(share.of, round(share.cost)) for share in explanation.channels] == [
        ("feed", 500_000),
        ("search", 180_000),
        ("short video", 450_000),
    ]


def test_a_plan_that_only_the_middle_of_its_returns_allows_stands_alone():
    """10,000 units return 32,000 at the middle, 29,000 at the low end; 31,000 are asked for."""
    table = pd.DataFrame(
        {"channel": ["feed"], "unit_cost": 50, "unit_return": 3.2, "max_units": 10_000, "min_units": 0}
    ).assign(min_return=31_000, unit_return_low=2.9, unit_return_high=3.5)
    problem = of_channels(table, 1_000_000)
    explanation = explain(problem)
    assert explanation.solution.expected_return == pytest.approx(32_000)
    assert explanation.conservative is None
    assert explanation.at_low == pytest.approx(29_000)
    (words,) = [words for words in explanation.words if "low end" in words]
    assert words.startswith("At the low end of returns there is no plan to compare with: no plan keeps all limits")
    document = told(problem, explanation)
    assert (document["conservative"], document["cost"]) == (None, 500_000)
    assert "31,000" in document["not_conservative"]


def test_a_plan_that_is_kept_has_its_own_reasons():
    """Two channels alike; the current plan fills a, so that b is where more money goes."""
    twins = pd.DataFrame({"channel": ["a", "b"], "unit_cost": 10, "unit_return": 1.0, "max_units": 100})
    problem = of_channels(twins.assign(min_units=0), 1_000)
    for full, other in (("a", "b"), ("b", "a")):
        explanation = explain(problem, current=plan(100, channels=(full,)), next_money=1_000)
        assert explanation.comparison.keep_current
        document = told(problem, explanation)
        assert {line["channel"]: line["binds"] for line in document["allocation"]} == {full: "maximum", other: None}
        assert [(step.channel, step.units) for step in explanation.next_money] == [(other, pytest.approx(100))]
        assert {value.limit.of for value in explanation.values} <= {"everything", full}


def test_money_left_over_by_whole_batches_is_said_to_be_that():
    table = pd.DataFrame({"channel": ["a"], "unit_cost": 1, "unit_return": 2.0, "max_units": 1_000, "min_units": 0})
    words = "\n".join(explain(of_channels(table.assign(batch_units=60), 100)).words)
    assert "does not bind" not in words
    assert "whole batches do not fit what is left" in words


def test_the_frontier_is_concave_and_goes_through_the_plan():
    table = frontier(PROBLEM)
    assert table["budget"].iloc[[0, -1]].tolist() == pytest.approx([310_000, 1_430_000])
    own = table[table["budget"] == 1_130_000].iloc[0]
    assert (own["expected_return"], own["marginal_return"]) == pytest.approx((84_125, 0.05625))
    assert (table["marginal_return"].diff().dropna() <= 1e-12).all()
    slopes = table["expected_return"].diff() / table["budget"].diff()
    assert (slopes.dropna() <= table["marginal_return"].shift().dropna() + 1e-9).all()


def test_budgets_that_no_plan_fits_have_empty_cells():
    table = frontier(PROBLEM, [300_000, 400_000])
    assert table["expected_return"].isna().tolist() == [True, False]


def test_the_least_budget_pays_the_minima_or_the_contribution():
    assert least_budget(PROBLEM) == pytest.approx(310_000)
    contributing = of_channels(EXAMPLE.assign(min_return=[np.nan, 9_000, np.nan]), 1_130_000)
    assert least_budget(contributing) == pytest.approx(310_000 + 500 * 80)


@pytest.mark.parametrize("solver", ["highs", "cbc"])
def test_a_budget_below_the_minima_names_what_is_missing_and_what_else_would_do(solver):
    found = conflict(replace(PROBLEM, budget=300_000.0), Method(solver=solver))
    assert found.words.startswith(
        "the channels' minimum units cost 310,000.00, the budget is 300,000.00: 10,000.00 are missing; or lower "
    )
    assert [(change.limit.kind, change.by) for change in found.changes] == [("budget", pytest.approx(10_000))]
    others = {change.limit.of: change.by for change in found.alternatives}
    assert others == pytest.approx({"feed": 200, "search": 125, "short video": 10_000 / 30})


def test_two_limits_give_where_one_is_not_enough():
    table = pd.DataFrame({"channel": ["a", "b"], "unit_cost": 1.0, "unit_return": 1.0, "min_units": 5.0})
    rules = tuple(Rule(name=n, measure="units", where=Where(channels=(n,)), at_most=3) for n in ("a", "b"))
    found = conflict(of_channels(table, 100, rules=rules))
    assert len(found.changes) == 2
    assert [change.by for change in found.changes] == pytest.approx([2, 2])
    assert {change.limit.of for change in found.changes} == {"a", "b"}
    with pytest.raises(Infeasible, match=r"no plan keeps all limits: .* by 2\.00 .* and .* by 2\.00"):
        solve(of_channels(table, 100, rules=rules))


def test_a_problem_with_a_plan_has_no_conflict():
    assert conflict(PROBLEM) is None


def test_consent_does_not_give():
    frame = pd.DataFrame({"channel": ["a"], "unit_cost": 1.0, "unit_return": 1.0, "min_units": 5.0})
    reach = pd.DataFrame({"channel": ["a"], "segment": ["all"], "max_units": [3]})
    found = conflict(replace(of_channels(frame, 100), reach=reach))
    assert [(change.limit.kind, change.by) for change in found.changes] == [("channel minimum", pytest.approx(2))]
    assert found.alternatives == ()


def test_nothing_to_buy_does_not_keep_a_floor():
    closed = of_channels(EXAMPLE.assign(min_units=0, min_return=[9.0, np.nan, np.nan]), 100)
    closed.activities["max_units"] = 0.0
    with pytest.raises(Infeasible, match="lower 'get a return of at least 9 from feed' by 9"):
        solve(closed)
