"""Evidence of channels from a generation that is made by hand."""

from pathlib import Path

import pandas as pd
import pytest

from infra import channel_evidence
from infra.warehouse import Generation
from tests.unit.infra.channel_examples import AS_OF, build


@pytest.fixture
def generation(tmp_path: Path) -> Generation:
    return build(Generation(tmp_path / "c.duckdb"))


def test_results_by_segment_leave_out_who_was_held_back(generation: Generation) -> None:
    found = channel_evidence.gather(generation, AS_OF).responses.set_index(["channel", "segment"])
    mailing = found.loc[("mailing", "loyal")]
    assert (mailing["customers"], mailing["units"], mailing["responses"]) == (2, 3, 1)
    assert (mailing["units_squares"], mailing["responses_squares"], mailing["products"]) == (5, 1, 2)
    assert mailing["busiest_units"] == 2
    banner = found.loc[("banner", "loyal")]
    assert (banner["units"], banner["responses"]) == (401, 1)
    assert len(found) == 2


def test_segments_tell_who_may_be_contacted_and_what_they_spend(generation: Generation) -> None:
    found = channel_evidence.gather(generation, AS_OF).segments.set_index("segment")
    assert found["customers"].to_dict() == {"all": 1, "loyal": 2}
    assert found["reachable"].to_dict() == {"all": 0, "loyal": 1}  # nobody asked cyd
    loyal = found.loc["loyal"]
    assert (loyal["orders"], loyal["amount"], loyal["products"]) == (6, 60, 160)
    assert loyal["expected_revenue"] == 80  # bob's is not known


def test_weeks_that_are_not_over_are_left_out(generation: Generation) -> None:
    assert len(channel_evidence.gather(generation, AS_OF).weeks) == 3  # two of mailing, one of the banner
    assert len(channel_evidence.gather(generation, pd.Timestamp("2017-05-28 12:00")).weeks) == 2


def test_what_happened_in_a_time_beside_its_control_group(generation: Generation) -> None:
    found = channel_evidence.window(generation, pd.Timestamp("2017-05-08"), AS_OF).set_index("channel")
    mailing = found.loc["mailing"]
    assert (mailing["units"], mailing["responses"]) == (2, 0)  # the contact of May 1 was before
    assert (mailing["customers"], mailing["treated_return"], mailing["return_squares"]) == (2, 5.5, 5.5**2)
    assert (mailing["control_customers"], mailing["control_return"]) == (1, 2.5)
    assert (found.loc["banner", "revenue"], found.loc["banner", "reports"]) == (7.5, 1)  # of what was answered


def test_since_customers_were_held_back_others_are_told_beside_them(generation: Generation) -> None:
    (row,) = channel_evidence.beside_control(generation, AS_OF).to_dict("records")
    # cyd was held back from May 9: bob and ann were contacted then, the contact of May 1 was before
    assert (row["channel"], row["units"], row["customers"], row["control_customers"]) == ("mailing", 2, 2, 1)
    assert channel_evidence.beside_control(generation, pd.Timestamp("2017-05-09")).empty


def test_without_campaigns_and_impressions_there_is_nothing(tmp_path: Path) -> None:
    bare = build(Generation(tmp_path / "c.duckdb"), without="stg_")
    found = channel_evidence.gather(bare, AS_OF)
    assert found.responses.empty
    assert found.weeks.empty
    assert channel_evidence.window(bare, AS_OF, AS_OF).empty
    assert channel_evidence.beside_control(bare, AS_OF).empty
    assert len(found.segments) == 2
