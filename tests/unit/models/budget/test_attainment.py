"""What came of a plan: worked by hand, and nothing said of what was not measured."""

from typing import Any

import pandas as pd
import pytest

from infra.budget_contracts import ChannelWindow
from models.budget.attainment import LastPlan, attained
from tests.unit.models.budget.knowledge import known

LINE = {"units": 100.0, "cost": 200.0, "expected_return": 300.0, "cost_is": "given", "return_is": "history"}
PLAN = {"allocation": [{"channel": name, **LINE} for name in ("mailing", "banner", "tv")]}


def happened(**columns: Any) -> Any:
    empty = dict.fromkeys(ChannelWindow.to_schema().columns)
    mailing = {"channel": "mailing", "unit": "contact", "units": 40.0, "responses": 10.0} | columns
    banner = {"channel": "banner", "unit": "impression", "units": 500.0, "responses": 4.0}
    return ChannelWindow.validate(pd.DataFrame([empty | mailing, empty | banner]))


def told(
    window: Any, elapsed: float = 1.0, earlier: tuple = (), valued: frozenset[str] = frozenset(), **line: Any
) -> dict[str, Any]:
    plan = {"allocation": [one | line for one in PLAN["allocation"]]}
    last = LastPlan(
        cycle="20170501t000000-a",
        since="2017-05-01",
        until="2017-05-29",
        document=plan,
        unit_costs={"mailing": 2.0, "banner": 2.0, "tv": 2.0},
        elapsed=elapsed,
        valued=valued,
    )
    return attained(last, window, known().measured, earlier)


def test_a_measured_channel_has_its_gap_and_roi() -> None:
    found = told(happened())
    mailing = found["channels"][0]
    # 25 responses so far were worth 80 × 4 + 20 × 1 … = (100·4 + 100·0.5) / 25 = 18 each
    assert mailing["realised_return"] == pytest.approx(10 * 18)
    assert mailing["gap"] == pytest.approx((180 - 300) / 300)
    assert (mailing["cost"], mailing["roi"]) == (80, pytest.approx((180 - 80) / 80))
    assert mailing["incremental_return"] is None
    assert "nobody was held back" in mailing["words"]
    assert "2 of 3 channels are not measured" in found["line"]


def test_of_what_was_not_measured_there_is_no_number() -> None:
    _, banner, tv = told(happened())["channels"]
    assert (banner["gap"], banner["roi"], tv["gap"], tv["roi"]) == (None, None, None, None)
    assert "4 responses to 500 units, but nobody says what one brings" in banner["words"]
    assert tv["words"] == "not measured: the data hold no results of it"


def test_an_assumed_cost_gives_no_roi() -> None:
    assert told(happened(), cost_is="assumed")["channels"][0]["roi"] is None


def test_a_promise_in_a_unit_of_its_own_is_compared_with_nothing() -> None:
    """Given as 300 leads; what came is money: ten responses of 18."""
    found = told(happened(), return_is="given")
    mailing = found["channels"][0]
    assert (mailing["is_measured"], mailing["realised_return"]) == (True, pytest.approx(180))
    assert (mailing["gap"], mailing["planned_return"]) == (None, None)
    assert mailing["words"].startswith("promised 300.00, came 180.00 of 10 responses to 40 units (100 were planned)")
    assert "in a unit of its own" in mailing["words"]
    assert (found["gap"], found["planned_return"], found["realised_return"]) == (None, None, None)
    assert found["line"].startswith("1 of 3 channels are measured, in other units than promised")


@pytest.mark.parametrize("given", [{"return_is": "given and history"}, {"valued": frozenset({"mailing"})}])
def test_a_return_that_is_given_in_the_money_of_responses_is_compared(given: dict[str, Any]) -> None:
    found = told(happened(), **{"return_is": "given", **given})
    assert found["gap"] == pytest.approx(-0.4)


@pytest.mark.parametrize(("reports", "came"), [(1.0, 4.99 + 9 * 18), (10.0, 4.99), (12.0, 4.99)])
def test_reported_revenue_stands_for_the_responses_it_was_reported_for(reports: float, came: float) -> None:
    mailing = told(happened(revenue=4.99, reports=reports))["channels"][0]
    assert mailing["realised_return"] == pytest.approx(came)
    assert ("revenue was reported for 1 of them" in mailing["words"]) == (reports == 1)


def test_revenue_of_some_responses_is_no_return_of_all_where_nobody_says_what_one_brings() -> None:
    window = happened()
    window.loc[1, ["revenue", "reports"]] = [50.0, 1.0]  # of the banner's four responses
    banner = told(window)["channels"][1]
    assert (banner["realised_return"], banner["gap"], banner["roi"]) == (50, None, None)
    assert "what the other responses bring nobody says" in banner["words"]
    window.loc[1, "reports"] = 4.0
    assert told(window)["channels"][1]["gap"] == pytest.approx((50 - 300) / 300)


def test_revenue_of_a_channel_without_results_is_counted() -> None:
    """Nobody who got it has a segment: no row of results, but applications reported what it brought."""
    window = happened()
    window.loc[1, ["channel", "revenue", "reports"]] = ["tv", 60.0, 4.0]
    assert told(window)["channels"][2]["realised_return"] == 60


def test_of_a_plan_half_over_half_was_promised() -> None:
    found = told(happened(), elapsed=0.5)
    assert found["channels"][0]["planned_return"] == 150
    assert found["gap"] == pytest.approx((180 - 150) / 150)


def test_a_control_group_shows_what_is_incremental() -> None:
    arms = {"customers": 40, "treated_return": 400.0, "return_squares": 40 * 10.0**2 + 40}
    control = {"control_customers": 40, "control_return": 320.0, "control_squares": 40 * 8.0**2 + 40}
    mailing = told(happened(**arms, **control))["channels"][0]
    assert mailing["incremental_return"] == pytest.approx(40 * (10 - 8))
    low, high = mailing["incremental_interval"]
    assert 0 < low < 80 < high
    assert mailing["gap"] == pytest.approx(-0.4)  # attainment stays what was promised: attributed


def test_gaps_of_cycles_make_a_trend() -> None:
    earlier = [
        {
            "cycle": f"2017040{n}t000000-a",
            "channels": [{"channel": "mailing", "gap": gap}, {"channel": "tv", "gap": None}],
        }
        for n, gap in ((1, 0.2), (2, 0.0), (3, -0.2))
    ]
    (trend,) = told(happened(), earlier=tuple(earlier))["trend"]
    assert (trend["channel"], trend["cycles"]) == ("mailing", 4)
    assert trend["slope_per_cycle"] == pytest.approx(-0.2)
    assert [point["gap"] for point in trend["gaps"]] == pytest.approx([0.2, 0, -0.2, -0.4])
