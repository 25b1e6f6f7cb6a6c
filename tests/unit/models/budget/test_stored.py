"""What a plan was made from comes back from JSON, and may be changed for a question."""

import json

import pytest

from models.budget.channel_table import checked_table
from models.budget.inputs import build
from models.budget.solution import Method
from models.budget.solve import solve
from models.budget.stored import changed, from_json, to_json
from models.errors import BadProblem
from tests.unit.models.budget.knowledge import channels, known

TABLE = channels(
    ("mailing", 1, None, 1_000, 0), ("one", 2, 3, 100, 10), ("two", 1, 2, 1e9, 0), max_share=[None, 0.5, None]
)


def test_a_problem_comes_back_the_same() -> None:
    problem = build(checked_table(TABLE), 500, known(), min_roi=0.1).problem
    text = json.dumps({"problem": to_json(problem)}, allow_nan=False)
    again = from_json(json.loads(text))
    first, second = solve(problem), solve(again)
    assert second.units == pytest.approx(first.units)
    assert [limit.words for limit in second.limits] == [limit.words for limit in first.limits]
    assert (again.budget, again.min_roi) == (500, 0.1)


def test_inputs_of_earlier_code_are_read() -> None:
    old = {"channels": [{"channel": "a", "unit_cost": 2.0, "unit_return": 3.0, "max_units": 9.0, "min_units": 1.0}]}
    assert solve(changed(from_json(old), 10, {})).units == pytest.approx([5])


def test_bounds_cost_and_return_of_a_channel_may_be_other() -> None:
    problem = build(checked_table(TABLE), 500, known()).problem
    other = changed(problem, 300, {"one": {"max_units": 20, "unit_cost": 4}, "mailing": {"unit_return": 0.0}})
    by_channel = other.activities.groupby("channel")
    assert by_channel["unit_cost"].first()["one"] == 4
    assert by_channel["unit_return"].max()["mailing"] == 0
    assert solve(other, Method()).cost <= 300
    assert problem.activities["unit_return"].max() == pytest.approx(4)  # the stored one stays
    with pytest.raises(BadProblem, match="no channel 'three'"):
        changed(problem, 300, {"three": {"max_units": 1}})
