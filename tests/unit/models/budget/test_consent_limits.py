"""A channel of contacts reaches who consents, wherever its return comes from: 80 loyal customers and 5 others do."""

import pandas as pd
import pytest

from models.budget.channel_table import checked_table
from models.budget.document import planned
from models.budget.inputs import Known, build
from models.budget.solution import Method
from models.errors import BadProblem, Infeasible
from tests.unit.models.budget.knowledge import channels, known


def bought(table: pd.DataFrame, told: Known | None, **options: object) -> dict[str, float]:
    document = planned(build(checked_table(table), 1e6, told, **options), Method(), with_frontier=False)  # type: ignore[arg-type]
    return {line["channel"]: line["units"] for line in document["allocation"]}


GIVEN, EMPTY = ("mailing", 1, 9, 111_111, 0), ("mailing", 1, None, 111_111, 0)


@pytest.mark.parametrize(
    ("table", "units"),
    [
        (channels(GIVEN), 85),
        (channels(GIVEN, response_value=[20]), 85),
        (channels(EMPTY, EMPTY, offer=["red", "blue"]), 85),
        (channels(GIVEN, GIVEN, segment=["loyal", "other"]), 85),
        (channels(GIVEN, segment=["other"]), 5),
        (channels(GIVEN, GIVEN, period=["spring", "summer"]), 85),
        (channels(("tv", 1, 9, 111_111, 0)), 111_111),
        (channels(("banner", 1, 9, 111_111, 0)), 111_111),
    ],
)
def test_only_contacts_are_limited_by_consent(table: pd.DataFrame, units: float) -> None:
    assert sum(bought(table, known()).values()) == pytest.approx(units)


def test_a_segment_without_results_has_who_consents_in_it() -> None:
    told = known()
    told = Known(measured=told.measured.query("segment == 'loyal'"), weeks=told.weeks, segments=told.segments)
    assert bought(channels(GIVEN, segment=["other"]), told) == {"mailing": 5}


@pytest.mark.parametrize("mailing", [GIVEN, EMPTY])
def test_a_segment_that_the_data_do_not_know_is_refused(mailing: tuple) -> None:
    with pytest.raises(BadProblem, match=r"no segment 'loyall'.*choose among loyal, other") as refused:
        bought(channels(("tv", 1, 9, 10, 0), mailing, segment=["north", "loyall"]), known())
    assert (refused.value.row, refused.value.column) == (1, "segment")


def test_a_minimum_above_consent_says_what_consent_allows() -> None:
    with pytest.raises(Infeasible, match=r"mailing.* by 15\.00 to 85\.00"):
        bought(channels(("mailing", 1, 9, 111_111, 100)), known())


def test_contacts_per_customer_holds_over_channels_with_and_without_segments() -> None:
    told = known()
    both = pd.concat([told.measured, told.measured.query("channel == 'mailing'").assign(channel="sms")])
    told = Known(measured=both, weeks=told.weeks, segments=told.segments)
    table = channels(GIVEN, ("sms", 1, None, 1_000, 0))
    assert sum(bought(table, told).values()) == 170  # each reaches 85 people
    assert sum(bought(table, told, contacts_per_customer=1).values()) == 85
    by_segment = channels(GIVEN, ("sms", 1, 10, 1_000, 0), segment=["other", "loyal"])
    assert bought(by_segment, told, contacts_per_customer=0.5) == {"mailing": 2.5, "sms": 40}
