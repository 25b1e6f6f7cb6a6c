"""Two cycles plan for a small company with channels of its own; the second looks back at the first."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows.allocate import plan_and_store
from flows.context import Cycle, Door, simulated
from infra import warehouse
from infra.errors import AimloopError
from tests import small_state
from tests.unit.infra.channel_examples import AS_OF, build

FIRST, SECOND = "20170508t000000-a", "20170529t000000-b"
HEAD = "channel,unit_cost,unit_return,max_units,min_units,response_value,segment,current_units"
LEADS, TV = "mailing,1,3,4,0,,all,", "tv,2,3,100,0,,all,"


@pytest.fixture
def company(tmp_path: Path) -> Any:
    """Makes a cycle of a company whose file of channels says so, and plans."""
    bare = small_state.open_door(tmp_path / "state")

    def plan(
        cycle_id: str, as_of: pd.Timestamp, *lines: str, budget: float = 10.0, plan_days: int = 42, head: str = HEAD
    ) -> dict[str, Any]:
        file = tmp_path / "channels.csv"
        file.write_text("\n".join((head, *lines)), encoding="utf-8")
        settings = bare.settings.model_copy(update={"budget": budget, "channels": file, "plan_days": plan_days})
        door = Door(settings, bare.state, bare.keys, bare.ledger)
        door.ledger.begin_cycle(cycle_id, as_of.to_pydatetime(), "company", datetime(2017, 6, 1))
        if not warehouse.generation(door.state, cycle_id).path.exists():
            build(warehouse.generation(door.state, cycle_id))
        with simulated(datetime(2017, 6, 1, 12)):
            result = plan_and_store(Cycle(cycle_id, as_of, door))
        stored = door.ledger.plan(cycle_id)
        assert stored is not None
        assert stored.plan == json.loads(json.dumps(result["plan"], allow_nan=False))
        return result

    return plan


def test_a_plan_from_results_is_stored_with_its_page(company: Any) -> None:
    found = company(SECOND, AS_OF, "mailing,1,,100,0,,all,", TV)
    plan = found["plan"]
    assert {line["channel"]: line["return_is"] for line in plan["allocation"]} == {"mailing": "history", "tv": "given"}
    # of the loyal one may be contacted: a third of contacts respond, an order is worth 10
    assert plan["allocation"][0]["parts"] == [
        {"segment": "loyal", "units": 1, "cost": 1, "expected_return": pytest.approx(10 / 3)}
    ]
    assert "June" not in found["line"]
    assert "assumed" not in found["line"]
    page = Path(plan["report"]).read_text(encoding="utf-8")
    assert "2017-06-01 12:00 UTC" in page
    assert "not planned with" in page.lower()


def test_the_next_cycle_looks_back_at_what_was_measured(company: Any) -> None:
    before = AS_OF - timedelta(days=21)
    lines = "mailing,1,3,4,0,10,all,", TV  # a response brings 10, of the same money as the 3
    company(FIRST, before, *lines)
    found = company(SECOND, AS_OF, *lines)
    realised = found["plan"]["realised"]
    mailing, tv = realised["channels"]
    assert (realised["cycle"], realised["elapsed"]) == (FIRST, 0.5)
    # one customer may be contacted: half of that by now
    assert (mailing["planned_units"], mailing["units"], mailing["responses"]) == (0.5, 2, 0)
    assert (mailing["gap"], mailing["roi"]) == (-1, -1)
    assert "nobody was held back" in mailing["words"]  # one customer in each group is none
    assert (tv["is_measured"], tv["gap"]) == (False, None)
    assert found["plan"]["comparison"]["keep_current"]
    assert "came 0 (-100%)" in found["line"]


def test_leads_that_were_promised_are_not_compared_with_money_that_came(company: Any) -> None:
    company(FIRST, AS_OF - timedelta(days=21), LEADS, TV)
    realised = company(SECOND, AS_OF, LEADS, TV)["plan"]["realised"]
    assert realised["gap"] is None
    assert "in a unit of its own" in realised["channels"][0]["words"]


def test_costs_of_what_was_bought_are_weighed_by_what_was_planned(company: Any) -> None:
    """Of two offers the cheap one was planned: what was sent did not cost the mean of 1 and 99."""
    offers = "mailing,1,30,9,0,,all,,red", "mailing,99,29,9,0,,all,,blue"
    company(FIRST, AS_OF - timedelta(days=21), *offers, head=HEAD + ",offer")
    mailing = company(SECOND, AS_OF, LEADS, TV)["plan"]["realised"]["channels"][0]
    assert (mailing["units"], mailing["cost"]) == (2, 2)


def test_a_plan_of_other_channels_is_not_compared(company: Any) -> None:
    company(FIRST, AS_OF - timedelta(days=21), TV)
    assert company(SECOND, AS_OF, LEADS, TV)["plan"]["comparison"] is None


def test_what_people_say_is_bought_today_comes_before_the_last_plan(company: Any) -> None:
    lines = "tv,2,3,100,0,,all,4", "print,2,2,100,0,,all,1"
    company(FIRST, AS_OF - timedelta(days=21), *lines)  # 5 of tv, 15 in money
    comparison = company(SECOND, AS_OF, *lines)["plan"]["comparison"]
    assert (comparison["current_cost"], comparison["current_return"]) == (10, 14)


def test_the_last_plan_is_taken_over_as_many_days_as_this_one(company: Any) -> None:
    company(FIRST, AS_OF - timedelta(days=21), TV, budget=10.0, plan_days=28)
    comparison = company(SECOND, AS_OF, TV, budget=10.0, plan_days=14)["plan"]["comparison"]
    assert (comparison["current_cost"], comparison["current_return"]) == (5, 7.5)


def test_no_plan_is_said_by_file_and_line_or_by_the_missing_amount(company: Any) -> None:
    with pytest.raises(AimloopError, match=r"channels\.csv line 2, column 'unit_return'.*not what a response brings"):
        company(SECOND, AS_OF, "banner,1,,100,0,,all,")
    with pytest.raises(AimloopError, match=r"190\.00 are missing"):
        company(SECOND, AS_OF, "tv,2,3,100,100,,all,")
