"""The page of a plan: everything that is told is on it, and nothing that data hold gets into the markup."""

from typing import Any

import pytest

from models.budget.channel_table import checked_table
from models.budget.document import clean, planned
from models.budget.inputs import build
from models.budget.solution import Method
from models.plan_page.page import render
from tests.unit.models.budget.knowledge import channels, known

REALISED = {
    "cycle": "20170501t000000-a", "since": "2017-05-01", "until": "2017-05-29", "line": "promised 300, came 180 (-40%)",
    "gap": -0.4, "trend": [],
    "channels": [
        {"channel": "mailing", "is_measured": True, "planned_return": 300.0, "realised_return": 180.0, "gap": -0.4,
         "roi": 1.25, "words": "promised 300, came 180"},
        {"channel": "tv", "is_measured": False, "gap": None, "roi": None, "words": "not measured: no results"},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def plan() -> dict[str, Any]:
    table = channels(("mailing", 1, None, 1_000, 0), ("<b>tv</b>", 2, 3, 10, 2), current_units=[10, 10])
    document = planned(build(checked_table(table), 60, known()), Method())
    return document | {"days": 28, "evidence": clean(known().measured.to_dict("records")), "realised": REALISED}


def test_the_page_tells_the_plan_its_reasons_and_the_last_one(plan: dict[str, Any]) -> None:
    page = render(plan, "20170529t000000-b", "2017-05-29", "2017-05-30 01:00")
    for word in (
        plan["words"][0],
        "The next 10,000",
        "Better than the plan before",
        "-40.0%",
        "+125.0%",
        "not measured",
    ):
        assert word in page
    for name in ("allocation", "worth", "frontier", "attainment"):
        assert f'id="{name}-title"' in page
    assert "Not planned with" in page  # the banner, of which no cost is known
    assert "assumed" not in page.replace("whose cost and return are assumed", "")


def test_names_cannot_break_the_page_and_nothing_is_loaded(plan: dict[str, Any]) -> None:
    page = render(plan, "c", "2017-05-29", "now")
    assert "<b>tv" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_assumed_channels_are_marked_and_a_first_plan_has_no_past() -> None:
    table = channels(("feed", 50, 3.2, 10_000, 2_000), is_assumed=[True])
    document = planned(build(checked_table(table), 200_000), Method())
    page = render(document | {"days": 28, "evidence": [], "realised": None}, "c", "2017-05-29", "now")
    assert "costs and returns are assumed" in page
    assert "There is no earlier plan." in page
    assert "The data hold no results of any channel." in page
    assert "there is no conservative plan" in page
