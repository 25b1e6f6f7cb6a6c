"""What a card tells of training, from notes that a model or the search for settings left."""

import pandas as pd
import pytest

from models.card.training import HazardRatio, Tuning, hazard_ratios, known_of_people, plain_notes, tuning

FOUND = {"trials": 3, "loss_before": 0.15, "loss": 0.14, "found": {"leaves": 12}}


def test_the_search_for_settings_is_told_with_what_it_changed():
    notes = {"tuning": FOUND | {"given": {"leaves": 7}, "windows": ["2017-06-20"], "seconds": 41.2}}
    assert tuning(notes, ()) == Tuning(3, 0.15, 0.14, {"leaves": (7, 12)}, ("2017-06-20",), 41.2)


def test_notes_of_before_say_less():
    assert tuning({"tuning": FOUND}, ("2017-06-20",)) == Tuning(
        3, 0.15, 0.14, {"leaves": (None, 12)}, ("2017-06-20",), None
    )
    assert tuning({"rounds": 3}, ("2017-06-20",)) is None


def test_hazard_ratios_come_with_what_matters_most_first():
    """Half as likely matters more than 1.5 times as likely."""
    notes = {"hazard_ratios": {"orders": (1.5, 1.4, 1.6), "tenure": [0.5, 0.4, 0.6]}}
    assert hazard_ratios(notes) == (HazardRatio("tenure", 0.5, 0.4, 0.6), HazardRatio("orders", 1.5, 1.4, 1.6))
    assert hazard_ratios({}) == ()


@pytest.mark.parametrize(
    ("features", "told"),
    [
        (("orders_28d", "age_band", "attr_kids"), ("age", "kids")),
        (("customer_attr_kids", "product_orders"), ("kids",)),
        (("gender", "orders_28d"), ()),  # nobody's is known: orders alone were brought
        (("orders_28d",), ()),
    ],
)
def test_what_is_known_of_people_is_named_where_it_is_a_feature(features, told):
    kids = ["2", "0"]
    past = pd.DataFrame({"age_band": ["35-44", None], "gender": None, "attr_kids": kids, "customer_attr_kids": kids})
    assert known_of_people(features, past) == told


def test_notes_are_those_that_fit_into_a_line_and_are_not_shown_elsewhere():
    notes = {
        "rows": 3, "line": {"start": 1.5, "slope": 0.9}, "attributes": {"kids": {"all": {"0": 1.0}}}, "sizes": {"a": 2},
        "tuning": FOUND, "inertia": {2: 3.0},
    }  # fmt: skip
    assert plain_notes(notes) == {"rows": 3, "line": {"start": 1.5, "slope": 0.9}}
