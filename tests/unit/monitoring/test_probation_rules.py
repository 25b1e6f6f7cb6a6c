"""Probation: a new champion goes back only for what it surely breaks."""

import numpy as np
import pandas as pd
import pytest

from monitoring.probation import ProbationRule, judge_probation

RULE = ProbationRule()


def period(customers: int, is_new: bool, rate: float, said: float, silent: int = 0, seed: int = 1) -> pd.DataFrame:
    """Of each customer 20 predictions with that click rate and that mean value."""
    clicked = np.random.default_rng(seed + is_new).binomial(20, rate, customers)
    return pd.DataFrame(
        {
            "pseudonym": [f"p{n}" for n in range(customers)],
            "is_new": is_new,
            "asked": 20 + silent,
            "silent": silent,
            "seen": 20,
            "clicked": clicked,
            "said": 20 * said,
        }
    )


def judged(before: pd.DataFrame, after: pd.DataFrame) -> dict:
    return {v.name.removeprefix("probation."): v for v in judge_probation(pd.concat([before, after]), RULE)}


def broken(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    return [name for name, verdict in judged(before, after).items() if not verdict.passed]


def test_one_like_the_champion_before_stays():
    assert broken(period(1_000, False, 0.1, 0.1), period(1_000, True, 0.1, 0.1)) == []


@pytest.mark.parametrize(("rate", "breaks"), [(0.04, True), (0.075, False), (0.2, False)])
def test_clicks_that_surely_fell_by_more_than_a_fifth_break_it(rate, breaks):
    """Said as before: so calibration is off as well where clicks are halved."""
    found = judged(period(1_000, False, 0.1, 0.1), period(1_000, True, rate, rate))
    assert found["click_rate"].passed != breaks
    assert found["click_rate"].value == pytest.approx(rate / 0.1 - 1, abs=0.06)
    assert found["calibration"].passed


def test_what_may_be_chance_breaks_nothing():
    assert broken(period(110, False, 0.04, 0.04), period(110, True, 0.03, 0.03)) == []


def test_predictions_that_mean_something_else_than_before_break_it():
    before = period(1_000, False, 0.1, 0.2)  # twice too much then, and now: the application counts other clicks
    assert broken(before, period(1_000, True, 0.1, 0.2)) == []
    assert broken(before, period(1_000, True, 0.1, 0.4)) == ["calibration"]
    assert broken(before, period(1_000, True, 0.1, 0.08)) == ["calibration"]


def test_silence_breaks_it_even_where_nothing_is_reported():
    nothing = period(200, False, 0.0, 0.0)
    assert broken(nothing, period(200, True, 0.0, 0.0, silent=2)) == ["silence"]
    assert broken(nothing, period(200, True, 0.0, 0.0)) == []


def test_with_too_few_nothing_is_said():
    for before, after in ((99, 1_000), (1_000, 99)):
        found = judged(period(before, False, 0.5, 0.5), period(after, True, 0.01, 0.9))
        assert all(verdict.passed for verdict in found.values())
        assert "nothing can be said yet" in found["click_rate"].reason


def test_of_no_rows_nothing_is_said():
    assert all(verdict.passed for verdict in judge_probation(period(0, True, 0.1, 0.1), RULE))
