"""What customers who were held back say of a channel's returns: worked by hand."""

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from infra.budget_contracts import ChannelWindow
from models.budget.channel_table import checked_table
from models.budget.document import planned
from models.budget.inputs import build
from models.budget.lifts import as_promised, incremental
from models.budget.solution import Method
from tests.unit.models.budget.knowledge import channels, known


def beside(**columns: Any) -> Any:
    """100 customers contacted, of whom 25 responded; they ordered for 6 each, the 50 held back for 4 each."""
    row = dict.fromkeys(ChannelWindow.to_schema().columns) | {
        "channel": "mailing",
        "unit": "contact",
        "units": 100.0,
        "responses": 25.0,
        "customers": 100.0,
        "treated_return": 600.0,
        "return_squares": 100 * 6.0**2 + 99.0,
        "control_customers": 50.0,
        "control_return": 200.0,
        "control_squares": 50 * 4.0**2 + 49.0,
    }
    return ChannelWindow.validate(pd.DataFrame([row | columns]))


def loyal(**columns: Any) -> pd.Series:
    found = incremental(known().measured, beside(**columns))
    return found.set_index(["channel", "segment"]).loc[("mailing", "loyal")]


def test_returns_are_scaled_by_what_would_not_have_come_anyway() -> None:
    """An order of who responded is 18 (20 loyal ones of 20, 5 others of 10): 25 × 18 attributed, 100 × (6 − 4) new."""
    mailing = loyal()
    assert mailing["incremental_ratio"] == pytest.approx(200 / 450)
    assert mailing["unit_return"] == pytest.approx(0.2 * 20 * 200 / 450)
    assert mailing["attributed_return"] == pytest.approx(4)
    # both means err: 1.96 × 100 × √(1/100 + 1/50) = 33.9 of 450
    assert mailing["incremental_ratio_low"] == pytest.approx((200 - 33.9) / 450, rel=1e-3)
    assert mailing["unit_return_low"] < mailing["unit_return"] < mailing["unit_return_high"]
    assert mailing["unit_return"] - mailing["unit_return_low"] > 200 / 450 * (4 - mailing["attributed_return_low"])


def test_who_buys_less_when_contacted_brings_nothing() -> None:
    mailing = loyal(treated_return=300.0, return_squares=100 * 3.0**2 + 99.0)
    assert (mailing["incremental_ratio"], mailing["unit_return"], mailing["unit_return_low"]) == (0, 0, 0)


@pytest.mark.parametrize("few", [{"control_customers": 29.0}, {"customers": 29.0}, {"responses": 0.0}])
def test_too_few_change_nothing(few: dict[str, float]) -> None:
    mailing = loyal(**few)
    assert pd.isna(mailing["incremental_ratio"])
    assert mailing["unit_return"] == pytest.approx(4)


def test_the_next_plan_is_another_and_says_so() -> None:
    told = known()
    told = replace(told, measured=incremental(told.measured, beside()))
    table = checked_table(channels(("mailing", 2, None, 1_000, 0), ("tv", 2, 3, 80, 0)))
    without, with_control = (
        planned(build(table, 160, knows), Method(), with_frontier=False) for knows in (known(), told)
    )
    # a loyal contact is worth 4, more than tv; but only 1.78 more than without it
    assert [line["units"] for line in without["allocation"]] == [80, 0]
    assert [line["units"] for line in with_control["allocation"]] == [0, 80]
    assert "nobody was held back" in without["sources"][0]["words"]
    words = with_control["sources"][0]["words"]
    assert "incremental: 44% of what is attributed (37% to 52%), beside 50 customers held back" in words
    assert "nobody" not in words


def test_a_look_back_counts_as_the_plan_did() -> None:
    now = incremental(known().measured, beside())
    knew, did_not = [{"channel": "mailing", "incremental_ratio": 0.5}], [{"channel": "mailing"}]
    for evidence, worth in ((knew, 4 * 200 / 450), (did_not, 4.0)):
        rows = as_promised(now, evidence).set_index(["channel", "segment"])
        assert rows.loc[("mailing", "loyal"), "unit_return"] == pytest.approx(worth)
