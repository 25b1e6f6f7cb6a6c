"""Problems from tables of channels and results, solved: what is bought must be what a person would buy."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.budget.channel_table import checked_table
from models.budget.document import planned
from models.budget.inputs import Known, build
from models.budget.solution import Method
from models.errors import BadProblem, Infeasible
from tests.unit.models.budget.knowledge import channels, known

FEED, SEARCH = ("feed", 50, 3.2, 10_000, 2_000), ("search", 80, 4.5, 6_000, 1_500)
SHORT_VIDEO = ("short video", 30, 2.8, 15_000, 3_000)
MAILING = ("mailing", 1, None, 1_000, 0)


def plan(table: pd.DataFrame, budget: float, told: Known | None = None, **options) -> dict:
    return planned(build(checked_table(table), budget, told, **options), Method(), with_frontier=False)


def bought(document: dict) -> dict[str, float]:
    return {line["channel"]: line["units"] for line in document["allocation"]}


def test_the_worked_example_and_the_published_plan_beside_it() -> None:
    found = plan(channels(FEED, SEARCH, SHORT_VIDEO, current_units=[10_000, 6_000, 5_000]), 1_130_000)
    assert bought(found) == {"feed": 10_000, "search": 2_250, "short video": 15_000}
    assert (found["expected_return"], found["marginal_return"]) == (84_125, 0.05625)
    assert found["comparison"]["difference"] == 11_125
    assert [line["binds"] for line in found["allocation"]] == ["maximum", None, "maximum"]


def test_a_plan_that_is_as_good_is_kept() -> None:
    twins = channels(("one", 1, 2, 100, 0), ("two", 1, 2, 100, 0), current_units=[40, 60])
    found = plan(twins, 100)
    assert bought(found) == {"one": 40, "two": 60}
    assert found["comparison"]["keep_current"]


def test_an_empty_return_comes_from_results_by_segment_within_consent() -> None:
    found = plan(channels(MAILING), 1_000, known())
    assert bought(found) == {"mailing": 85}  # 80 loyal customers may be contacted, and 5 others
    assert {part["segment"]: part["units"] for part in found["allocation"][0]["parts"]} == {"loyal": 80, "other": 5}
    assert found["expected_return"] == pytest.approx(80 * 0.2 * 20 + 5 * 0.05 * 10)
    assert found["allocation"][0]["return_is"] == "history"
    assert found["conservative"]["expected_return"] < found["conservative"]["plan_at_low"] + 1e-9
    assert found["interval"][0] == pytest.approx(found["conservative"]["plan_at_low"])
    (source,) = found["sources"]
    assert "not incremental" in source["words"]


def test_a_customer_is_not_contacted_by_every_channel() -> None:
    """Both may reach 80 loyal customers and 5 others; together they reach each once, as cheaply as the money asks."""
    told = known()
    both = pd.concat([told.measured, told.measured.query("channel == 'mailing'").assign(channel="sms")])
    told = replace(told, measured=both)
    table = channels(MAILING, ("sms", 0.5, None, 60, 0))
    found = plan(table, 55, told, contacts_per_customer=1)
    assert bought(found) == {"mailing": 25, "sms": 60}
    assert bought(plan(table, 1_000, told)) == {"mailing": 85, "sms": 60}
    told_of = [value["words"] for value in found["values"]]
    assert any("at most 1 contacts a customer: loyal" in words for words in told_of)


def test_little_money_goes_to_those_who_respond() -> None:
    parts = plan(channels(MAILING), 50, known())["allocation"][0]["parts"]
    assert {part["segment"]: part["units"] for part in parts} == {"loyal": 50, "other": 0}


def test_impressions_end_at_the_busiest_week() -> None:
    found = plan(channels(("banner", 0.001, None, 1e6, 0), response_value=[3]), 100, known(banner=3.0), plan_days=14)
    assert bought(found) == {"banner": 1_000}


def test_a_return_that_is_given_is_taken_as_it_is_and_results_are_told() -> None:
    (line,) = plan(channels(("mailing", 1, 9, 10, 0)), 5, known())["allocation"]
    assert line["expected_return"] == 45
    assert line["return_is"] == "given"


def test_a_return_given_with_what_a_response_brings_is_moved_by_results() -> None:
    week = {
        "channel": "mailing",
        "unit": "contact",
        "week": pd.Timestamp("2017-01-02"),
        "units": 100.0,
        "responses": 20.0,
    }
    told = replace(known(), measured=known(mailing=20.0).measured, weeks=pd.DataFrame([week]))
    (line,) = plan(channels(("mailing", 1, 9, 4_000, 0), response_value=[20]), 80, told)["allocation"]
    # the prior is worth a tenth of 1,000 contacts a week, as much as the 100 of the only week, whose rate is 0.2 × 20
    assert line["expected_return"] == pytest.approx(80 * (9 + 4) / 2)
    assert line["return_is"] == "given and history"
    # half of the evidence: a prior that errs by half of itself, and 25 responses to 200 contacts, in two segments
    below, above = (abs(end / 80 - 6.5) for end in line["interval"])
    loyal, other = told.measured.query("channel == 'mailing'").to_dict("records")
    errors = [(one["unit_return_high"] - one["unit_return"]) / 2 for one in (loyal, other)]
    assert above == pytest.approx(np.sqrt((1.96 * 0.5 * 9) ** 2 / 2 + (errors[0] ** 2 + errors[1] ** 2) / 4), rel=1e-3)
    assert below > 1.96 * 0.5 * 9 / np.sqrt(2)


def test_where_weeks_bend_each_segment_bends_at_its_share_of_the_units() -> None:
    units = np.array([10.0, 20, 40, 80, 160, 320] * 3)
    weeks = pd.DataFrame({"channel": "mailing", "unit": "contact", "week": pd.Timestamp("2017-01-02"), "units": units})
    told = replace(known(), weeks=weeks.assign(responses=0.5 * 50 * np.log1p(units / 50)))
    problem = build(checked_table(channels(("mailing", 1, None, 10_000, 0))), 100, told, plan_days=7).problem
    loyal, other = (problem.activities[problem.activities["segment"] == name] for name in ("loyal", "other"))
    assert (np.diff(loyal["unit_return"]) < 0).all()
    assert loyal["max_units"].tolist()[:-1] == pytest.approx([320 * 2 / 8 / 2] * 7)  # both had half of the units
    ratio = loyal["unit_return"].to_numpy() / other["unit_return"].to_numpy()
    assert ratio == pytest.approx((0.2 * 20) / (0.05 * 10))


@pytest.mark.parametrize(
    ("table", "what"),
    [
        (channels(("tv", 1, None, 10, 0)), "hold no results of 'tv'"),
        (channels(("banner", 1, None, 10, 0)), "not what a response brings"),
    ],
)
def test_an_empty_return_of_which_nothing_is_known_is_refused(table: pd.DataFrame, what: str) -> None:
    with pytest.raises(BadProblem) as refused:
        plan(table, 10, known())
    assert what in refused.value.what
    assert (refused.value.row, refused.value.column) == (0, "unit_return")


def test_shares_of_the_table_and_of_the_command_hold_the_tighter_first() -> None:
    both = channels(("one", 1, 3, 100, 0), ("two", 1, 2, 100, 0), max_share=[0.6, None])
    assert bought(plan(both, 100)) == pytest.approx({"one": 60, "two": 40})
    assert bought(plan(both, 100, max_shares={"one": 0.3})) == pytest.approx({"one": 30, "two": 70})
    assert bought(plan(both, 100, max_shares={"one": 0.9})) == pytest.approx({"one": 60, "two": 40})
    told_nothing = both.drop(columns="max_share")
    assert bought(plan(told_nothing, 100, max_shares={"one": 0.3})) == pytest.approx({"one": 30, "two": 70})
    with pytest.raises(BadProblem, match="no channel 'three'"):
        plan(both, 100, max_shares={"three": 0.3})


def test_rows_for_segments_and_periods_have_their_own_bounds() -> None:
    rows = channels(("one", 1, 3, 40, 10), ("one", 1, 2, 50, 20), segment=["young", "old"])
    parts = plan(rows, 65)["allocation"][0]["parts"]
    assert {part["segment"]: part["units"] for part in parts} == {"young": 40, "old": 25}
    whole = channels(
        ("all", 1, 3, 40, 10), ("all", 1, 2, 50, 20), ("two", 1, 1, 50, 0), segment=["young", "old", "all"]
    )
    assert bought(plan(whole, 100)) == {"all": 90, "two": 10}
    seasons = channels(("one", 1, 3, 100, 0), ("one", 1, 2, 100, 0), period=["spring", "summer"])
    parts = plan(seasons, 100, periods={"spring": 30})["allocation"][0]["parts"]
    assert {part["period"]: part["units"] for part in parts} == {"spring": 30, "summer": 70}


def test_batches_and_frozen_channels() -> None:
    found = plan(
        channels(("one", 1, 3, 100, 0), ("two", 1, 2, 100, 0), batch_units=[30, 0], fixed_units=[None, 5]), 100
    )
    assert bought(found) == {"one": 90, "two": 5}


def test_a_budget_for_a_period_that_no_channel_has_is_refused() -> None:
    seasons = channels(("one", 1, 3, 100, 0), ("one", 1, 2, 100, 0), period=["spring", "summer"])
    with pytest.raises(BadProblem, match="no period 'sprng'; choose among spring, summer"):
        plan(seasons, 100, periods={"sprng": 10})
    with pytest.raises(BadProblem, match="no period 'spring'; give the channels a column 'period'"):
        plan(channels(("one", 1, 3, 100, 0)), 100, periods={"spring": 5})


@pytest.mark.parametrize("option", ["max_shares", "periods"])
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_limit_that_is_no_finite_number_is_refused(option: str, number: float) -> None:
    seasons = channels(("one", 1, 3, 100, 0), ("one", 1, 2, 100, 0), period=["spring", "one"])
    with pytest.raises(BadProblem, match="give a finite number"):
        plan(seasons, 100, **{option: {"one": number}})


def test_a_budget_below_the_minimum_names_what_is_missing() -> None:
    with pytest.raises(Infeasible, match=r"10,000\.00 are missing"):
        plan(channels(FEED, SEARCH, SHORT_VIDEO), 300_000)
