"""What a replay walks through, and what it refuses by name."""

import itertools

import pandas as pd
import pytest

from flows.replay.plan import Injection, planned
from infra.errors import AimloopError

YEAR = ("2017-05-07", "2017-12-24", "28d", "complete_journey")


def test_the_year_at_28_days_has_nine_cycles() -> None:
    blocks = planned(*YEAR).blocks()
    assert [f"{block.since:%m-%d}" for block in blocks][:2] == ["05-07", "06-04"]
    assert len(blocks) == 9
    assert blocks[-1].until == pd.Timestamp("2017-12-24")
    assert [len(block.days) for block in blocks] == [28] * 8 + [7]


def test_days_follow_each_other_without_a_gap() -> None:
    days = [day for block in planned("2017-05-07", "2017-06-20T12:00", "2w", "company").blocks() for day in block.days]
    assert all(until == since for (_, until), (since, _) in itertools.pairwise(days))
    assert days[-1] == (pd.Timestamp("2017-06-20"), pd.Timestamp("2017-06-20 12:00"))


def test_a_cycle_at_the_very_end_has_an_empty_block() -> None:
    blocks = planned("2017-05-07", "2017-06-04", "28d", "company").blocks()
    assert [len(block.days) for block in blocks] == [28, 0]


def test_its_name_says_what_it_replays() -> None:
    plan = planned(*YEAR, injections=["concept@2017-08-21", "quality@2017-06-01"])
    assert plan.name == "20170507-20171224-28d-quality-20170601-concept-20170821"
    assert str(plan.injections[1]) == "concept@2017-08-21"


def test_an_hour_makes_another_replay() -> None:
    plan, other = (planned(first, *YEAR[1:]) for first in ("2017-05-07", "2017-05-07T18:30"))
    assert (plan.facts()["first"], other.facts()["first"]) == ("2017-05-07", "2017-05-07T18:30:00")
    assert other.name == "20170507t183000-20171224-28d"
    assert str(Injection.parsed("concept@2017-08-21T10:00")) == "concept@2017-08-21T10:00:00"


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (("2017-12-24", "2017-05-07", "28d", "company"), "no days in it"),
        (("2017-05-07", "2017-05-07", "28d", "company"), "no days in it"),
        (("2017-05-07", "2017-12-24", "6d", "company"), "--every 6d"),
        (("2017-05-07", "2017-12-24", "monthly", "company"), "no number of days"),
        (("May", "2017-12-24", "28d", "company"), "--from: 'May' is no date"),
        (("2017-05-07", "1514073600", "28d", "company"), "--to"),
        (("2017-05-07", "9999-12-24", "28d", "company"), "longer than 36,600 days"),
    ],
)
def test_what_does_not_fit_is_named(given: tuple[str, str, str, str], word: str) -> None:
    with pytest.raises(AimloopError, match=word):
        planned(*given)


@pytest.mark.parametrize(
    ("injection", "source", "word"),
    [
        ("concpt@2017-08-21", "complete_journey", "unknown change 'concpt'"),
        ("concept", "complete_journey", "--inject concept@DATE"),
        ("concept@2017-05-07", "complete_journey", "outside the replay"),
        ("concept@2018-01-01", "complete_journey", "outside the replay"),
        ("concept@2017-08-21", "company", "complete_journey alone"),
    ],
)
def test_a_change_that_cannot_be_planted_is_named(injection: str, source: str, word: str) -> None:
    with pytest.raises(AimloopError, match=word):
        planned("2017-05-07", "2017-12-24", "28d", source, [injection])


def test_the_same_change_twice_is_refused() -> None:
    with pytest.raises(AimloopError, match="concept@2017-08-21 is given twice"):
        planned(*YEAR, ["concept@2017-08-21", "concept@2017-08-21"])


def test_an_unknown_change_is_told_the_nearest_one() -> None:
    with pytest.raises(AimloopError) as refused:
        Injection.parsed("concpt@2017-08-21")
    assert "did you mean 'concept'" in refused.value.remedy.lower()


def test_a_name_must_be_a_folder_s() -> None:
    with pytest.raises(AimloopError, match="no name"):
        planned(*YEAR, name="../elsewhere")


@pytest.mark.parametrize(("first", "end"), [("2017-05-07", "2018-01-01"), ("2017-01-01", "2017-12-23")])
def test_dates_outside_the_data_are_told_the_range(first: str, end: str) -> None:
    planned(*YEAR).refuse_outside(pd.Timestamp("2017-05-06"), pd.Timestamp("2017-12-24"))
    with pytest.raises(AimloopError, match="outside the data") as refused:
        planned(*YEAR).refuse_outside(pd.Timestamp(first), pd.Timestamp(end))
    assert first in refused.value.remedy
    assert end in refused.value.remedy
