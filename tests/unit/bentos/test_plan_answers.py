"""What the plan endpoint answers, from what a cycle stored in the ledger."""

import json
from contextlib import closing
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import TypeAdapter

from bentos import plan
from bentos.endpoint import Asked, Refusal
from bentos.plan_shapes import PlanAnswer, WhatIf
from infra.ledger import Ledger
from infra.state import State
from models.budget.channel_table import checked_table
from models.budget.document import planned
from models.budget.inputs import build
from models.budget.solution import Method
from models.budget.stored import to_json
from tests.unit.models.budget.knowledge import channels, known

ASKED = Asked("r1", "key1", 0.0)
CYCLE = "20170529t000000-b"


@pytest.fixture
def live(state: State) -> Any:
    """A worker beside a ledger that holds the plan of one cycle: mailing from results, a channel of given figures."""
    table = channels(("mailing", 1, None, 1_000, 0), ("one", 2, 3, 100, 10))
    inputs = build(checked_table(table), 100, known())
    document = planned(inputs, Method()) | {"report": "/home/someone/reports", "evidence": [], "realised": None}
    with closing(Ledger(state.ledger)) as ledger:
        ledger.begin_cycle(CYCLE, datetime(2017, 5, 29), "company", datetime(2017, 5, 29))
        ledger.store_plan(CYCLE, document, {"problem": to_json(inputs.problem), "solver": "highs"})
    profiles = SimpleNamespace(generation=f"{CYCLE}.2", as_of="2017-05-29")
    return SimpleNamespace(state=state, look=SimpleNamespace(profiles=profiles))


def answer(told: Any) -> list[dict[str, Any]]:
    """As it is sent: in the shape that the document promises, and as JSON."""
    shape = TypeAdapter(PlanAnswer)
    sent = json.loads(json.dumps(told, allow_nan=False))
    assert shape.dump_python(shape.validate_python(sent), mode="json") == sent
    return sent["plans"]


def ask(live: Any, **asked: Any) -> list[dict[str, Any]]:
    return answer(plan.what_if(live, WhatIf(**asked), ASKED))


def test_the_current_plan_has_its_reasons_and_no_path_of_the_machine(live: Any) -> None:
    (found,) = answer(plan.current(live, None, ASKED))
    assert found["allocation"][0]["return_is"] == "history"
    assert found["values"]
    assert found["words"]
    assert not {"report", "evidence", "sources", "frontier"} & set(found)


def test_the_same_budget_is_the_same_plan_and_others_say_why(live: Any) -> None:
    (current,) = answer(plan.current(live, None, ASKED))
    same, less, none = ask(live, budgets=[100, 50, 5])
    assert same["allocation"] == current["allocation"]
    assert less["expected_return"] < same["expected_return"]
    assert less["next_money"][0]["words"]
    assert none == {"budget": 5, "infeasible": none["infeasible"]}
    assert "15.00 are missing" in none["infeasible"]


def test_other_bounds_change_the_answer_and_nothing_else(live: Any) -> None:
    (before,) = answer(plan.current(live, None, ASKED))
    (found,) = ask(live, budgets=[100], changes=[{"channel": "one", "fixed_units": 40.0, "unit_return": 1.0}])
    one = next(line for line in found["allocation"] if line["channel"] == "one")
    assert (one["units"], one["binds"], one["expected_return"], one["return_is"]) == (40, "frozen", 40, "given")
    assert answer(plan.current(live, None, ASKED)) == [before]


def test_bounds_that_cannot_be_together_are_told_in_words(live: Any) -> None:
    (none,) = ask(live, budgets=[100], changes=[{"channel": "one", "min_units": 20.0, "max_units": 10.0}])
    assert none["infeasible"] == "channel 'one': minimum 20 above maximum 10 units"


def test_a_channel_that_is_not_there_is_refused(live: Any) -> None:
    with pytest.raises(Refusal) as refusal:
        ask(live, budgets=[100], changes=[{"channel": "two", "max_units": 1.0}])
    assert (refusal.value.status, "choose among mailing, one" in refusal.value.remedy) == (404, True)


def test_a_plan_of_earlier_code_is_answered(live: Any) -> None:
    rows = [{"channel": "feed", "unit_cost": 50.0, "unit_return": 3.2, "max_units": 9.0, "min_units": 1.0}]
    line = {"channel": "feed", "units": 1.0, "cost": 50.0, "expected_return": 3.2, "binds": "minimum"}
    old = {"budget": 50.0, "cost": 50.0, "expected_return": 3.2, "marginal_return": 0.064, "allocation": [line]}
    with closing(Ledger(live.state.ledger)) as ledger:
        ledger.store_plan(CYCLE, old, {"channels": rows, "solver": "highs"})
    assert answer(plan.current(live, None, ASKED)) == [old]
    (found,) = ask(live, budgets=[100])
    assert found["expected_return"] == 6.4
