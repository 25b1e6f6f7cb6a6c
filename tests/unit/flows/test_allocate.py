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
HEAD = "channel,unit_cost,unit_return,max_units,min_units,response_value"


@pytest.fixture
def company(tmp_path: Path) -> Any:
    """Makes a cycle of a company whose file of channels says so, and plans."""
    bare = small_state.open_door(tmp_path / "state")

    def plan(cycle_id: str, as_of: pd.Timestamp, *lines: str, budget: float = 10.0) -> dict[str, Any]:
        file = tmp_path / "channels.csv"
        file.write_text("\n".join((HEAD, *lines)), encoding="utf-8")
        settings = bare.settings.model_copy(update={"budget": budget, "channels": file, "plan_days": 42})
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
    found = company(SECOND, AS_OF, "mailing,1,,100,0,", "tv,2,3,100,0,")
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
    lines = "mailing,1,3,4,0,", "tv,2,3,100,0,"
    company(FIRST, before, *lines)
    found = company(SECOND, AS_OF, *lines)
    realised = found["plan"]["realised"]
    mailing, tv = realised["channels"]
    assert (realised["cycle"], realised["elapsed"]) == (FIRST, 0.5)
    assert (mailing["planned_units"], mailing["units"], mailing["responses"]) == (2, 2, 0)
    assert (mailing["planned_return"], mailing["gap"], mailing["roi"]) == (6, -1, -1)
    assert "nobody was held back" in mailing["words"]  # one customer in each group is none
    assert (tv["is_measured"], tv["gap"]) == (False, None)
    assert found["plan"]["comparison"]["keep_current"]
    assert "last plan: promised 6, came 0 (-100%)" in found["line"]


def test_a_plan_of_other_channels_is_not_compared(company: Any) -> None:
    company(FIRST, AS_OF - timedelta(days=21), "tv,2,3,100,0,")
    assert company(SECOND, AS_OF, "mailing,1,3,4,0,", "tv,2,3,100,0,")["plan"]["comparison"] is None


def test_no_plan_is_said_by_file_and_line_or_by_the_missing_amount(company: Any) -> None:
    with pytest.raises(AimloopError, match=r"channels\.csv line 2, column 'unit_return'.*not what a response brings"):
        company(SECOND, AS_OF, "banner,1,,100,0,")
    with pytest.raises(AimloopError, match=r"190\.00 are missing"):
        company(SECOND, AS_OF, "tv,2,3,100,100,")
