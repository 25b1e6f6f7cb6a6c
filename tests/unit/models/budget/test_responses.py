"""What a unit brings in a segment: worked by hand."""

import numpy as np
import pytest

from models.budget.responses import measured
from tests.unit.models.budget.knowledge import responses, segments


def test_a_contact_brings_its_response_times_an_average_order() -> None:
    found = measured(responses(), segments(), {}).set_index(["channel", "segment"])
    loyal = found.loc[("mailing", "loyal")]
    assert loyal["response"] == pytest.approx(0.2)
    assert loyal["value"] == pytest.approx(20)
    assert loyal["unit_return"] == pytest.approx(4)
    # Wilson of 20 in 100: 0.1334 to 0.2888; customers with one contact each err by 0.0784, which is less wide below
    assert loyal["response_low"] == pytest.approx(min(0.13337, 0.2 - 1.96 * np.sqrt(0.16 / 99)), abs=1e-4)
    assert loyal["response_high"] == pytest.approx(max(0.28883, 0.2 + 1.96 * np.sqrt(0.16 / 99)), abs=1e-4)


def test_a_click_is_not_an_order_but_what_people_say_it_is() -> None:
    assert measured(responses(), segments(), {}).set_index("channel").loc["banner", "unit_return"] != pytest.approx(0)
    assert np.isnan(measured(responses(), segments(), {}).set_index("channel").loc["banner", "unit_return"])
    told = measured(responses(), segments(), {"banner": 3.0}).set_index("channel").loc["banner"]
    assert told["unit_return"] == pytest.approx(0.01 * 3)
    assert told["unit_return_low"] < 0.03 < told["unit_return_high"]


def test_many_units_of_few_customers_are_less_sure_than_as_many_customers() -> None:
    few = responses()
    few.loc[0, ["customers", "units_squares", "responses_squares", "products"]] = [10, 1_000.0, 200.0, 200.0]
    # ten customers with ten contacts each, of whom two responded ten times and eight never
    wide = measured(few, segments(), {}).query("segment == 'loyal' and channel == 'mailing'").iloc[0]
    narrow = measured(responses(), segments(), {}).query("segment == 'loyal' and channel == 'mailing'").iloc[0]
    assert wide["response"] == narrow["response"]
    assert wide["response_high"] > narrow["response_high"] + 0.1


def test_contacts_count_where_a_channel_has_both() -> None:
    both = responses()
    both.loc[2, "channel"] = "mailing"
    assert set(measured(both, segments(), {})["unit"]) == {"contact"}
