"""Prose says the numbers of the version, and leaves out what it does not know."""

import re
from dataclasses import astuple

import pytest

from models import catalog, segmentation
from models.card.words import WORDS, told

CHURN = {"horizon_days": 28, "window_days": 35, "medium_risk": 1.0, "high_risk": 4.0}


def prose(words):
    return " ".join(" ".join(part) if isinstance(part, tuple) else part or "" for part in astuple(words))


@pytest.mark.parametrize("name", catalog.MODELS)
@pytest.mark.parametrize("parameters", [{}, CHURN | {"coverage": 0.9, "period_days": 14}])
def test_no_place_stays_unfilled(name, parameters):
    assert not re.search(r"[{}]", prose(told(WORDS[name], parameters, 0.2)))


@pytest.mark.parametrize("name", catalog.MODELS)
def test_numbers_of_days_are_never_written_down_but_of_features(name):
    assert set(re.findall(r"(\d+) days", prose(WORDS[name]))) <= {"84"}
    assert segmentation.AXES[1:] == ("orders_84d", "amount_84d"), "what the 84 days in the words speak of"


def test_churn_says_its_window_and_horizon_and_who_is_not_scored():
    words = told(WORDS["churn"], CHURN, 0.2)
    assert "a customer with an order in the last 35 days places none in the next 28 days" in words.what
    scored = "Only customers with an order in the last 35 days are scored; the others count as lapsed "
    assert f"{scored}and get no probability." in words.limits


def test_without_a_window_it_says_lately():
    assert "with an order lately places none" in told(WORDS["churn"], {"horizon_days": 56}, 0.2).what


def test_risk_bands_are_told_as_probabilities():
    """Odds of 0.2 are 1 : 4; four times that is 1 : 1."""
    (bands,) = (line for line in told(WORDS["churn"], CHURN, 0.2).intended if line.startswith("Risk bands"))
    assert "high from a probability of 50 % (4 times" in bands
    assert "medium from 20 % (1 times)" in bands


@pytest.mark.parametrize(("parameters", "base_rate"), [({"high_risk": 4.0}, 0.2), (CHURN, None), (CHURN, 0.0)])
def test_without_their_numbers_risk_bands_are_left_out(parameters, base_rate):
    words = told(WORDS["churn"], parameters, base_rate)
    assert not [line for line in words.intended if line.startswith("Risk bands")]
    assert len(words.intended) == 2


def test_clv_forecasts_its_own_horizon():
    words = told(WORDS["clv"], {"horizon_days": 180, "coverage": 0.9})
    assert "within the next 180 days, with an interval that is to hold 90 % of customers" in words.what
    assert words.outcome == "spend in the 180 days after"
