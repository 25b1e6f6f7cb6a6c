"""Probation: a new champion goes back only for what it surely breaks."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from monitoring.probation import ProbationJudgement, ProbationRule, judge_probation

RULE = ProbationRule(metrics=("click_rate", "conversion", "revenue_per_customer"))


def period(
    customers: int,
    is_new: bool,
    rate: float,
    said: float,
    silent: int = 0,
    seed: int = 1,
    *,
    clicks: Sequence[int] | None = None,
    buys: float = 0.0,
    basket: float = 20.0,
    each: int = 20,
) -> pd.DataFrame:
    """Of each customer 20 predictions, all shown, with that click rate, that mean value and that share of purchases."""
    generator = np.random.default_rng(seed + is_new)
    clicked = generator.binomial(each, rate, customers) if clicks is None else clicks
    converted = generator.binomial(each, buys, customers)
    return pd.DataFrame(
        {
            "pseudonym": [f"p{n}" for n in range(customers)],
            "is_new": is_new,
            "asked": each + silent,
            "silent": silent,
            "answered": each,
            "reported": each,
            "seen": each,
            "clicked": clicked,
            "said": each * said,
            "converted": converted,
            "revenue": basket * converted,
        }
    )


def judgement(before: pd.DataFrame, after: pd.DataFrame, rule: ProbationRule = RULE) -> ProbationJudgement:
    return judge_probation(pd.concat([before, after]), rule)


def judged(before: pd.DataFrame, after: pd.DataFrame, rule: ProbationRule = RULE) -> dict:
    return {v.name.removeprefix("probation."): v for v in judgement(before, after, rule).verdicts}


def broken(before: pd.DataFrame, after: pd.DataFrame, rule: ProbationRule = RULE) -> list[str]:
    return [each.name.removeprefix("probation.") for each in judgement(before, after, rule).broken]


def test_one_like_the_champion_before_stays():
    assert broken(period(1_000, False, 0.1, 0.1), period(1_000, True, 0.1, 0.1)) == []


@pytest.mark.parametrize(("rate", "breaks"), [(0.04, True), (0.075, False), (0.2, False)])
def test_clicks_that_surely_fell_by_more_than_a_fifth_break_it(rate, breaks):
    """Said as before: so calibration is off as well where clicks are halved."""
    found = judged(period(1_000, False, 0.1, 0.1), period(1_000, True, rate, rate))
    assert found["click_rate"].passed != breaks
    assert found["click_rate"].value == pytest.approx(rate / 0.1 - 1, abs=0.06)
    assert found["calibration"].passed


@pytest.mark.parametrize("clicks", [0, 1, 29, 30, 200])
def test_the_worst_harm_is_seen_best(clicks):
    """4,000 clicks of 100,000 before, hardly any or none of 100,000 since; all were shown, as is reported."""
    before = period(2_000, False, 0, 0.04, clicks=[2] * 2_000, each=50)
    after = period(2_000, True, 0, 0.04, clicks=[1] * clicks + [0] * (2_000 - clicks), each=50)
    assert broken(before, after) == ["click_rate", "calibration"]
    assert judged(before, after)["click_rate"].value == clicks / 4_000 - 1


def test_a_few_hours_without_a_click_are_enough_after_a_week_with_many():
    """40 were to be expected. Half of them may still be chance."""
    before = period(2_000, False, 0.1, 0.1)
    for clicks, breaks in ((0, True), (20, False)):
        after = period(400, True, 0, 0.1, clicks=[1] * clicks + [0] * (400 - clicks), each=1)
        assert (broken(before, after) != []) == breaks


def test_what_may_be_chance_breaks_nothing():
    assert broken(period(110, False, 0.04, 0.04), period(110, True, 0.03, 0.03)) == []


def test_predictions_that_mean_something_else_than_before_break_it():
    before = period(1_000, False, 0.1, 0.2)  # twice too much then, and now: the application counts other clicks
    assert broken(before, period(1_000, True, 0.1, 0.2)) == []
    assert broken(before, period(1_000, True, 0.1, 0.4)) == ["calibration"]
    assert broken(before, period(1_000, True, 0.1, 0.08)) == ["calibration"]


def test_the_configured_metric_and_guardrails_are_judged():
    """Clicks are as before, and nobody buys any more; or all buy as often, but for a quarter."""
    before = period(1_000, False, 0.1, 0.1, buys=0.02)
    assert broken(before, period(1_000, True, 0.1, 0.1, buys=0.02)) == []
    assert broken(before, period(1_000, True, 0.1, 0.1)) == ["conversion", "revenue_per_customer"]
    cheap = period(1_000, True, 0.1, 0.1, buys=0.02, basket=5)
    assert broken(before, cheap) == ["revenue_per_customer"]
    assert broken(before, cheap, ProbationRule(metrics=("click_rate", "conversion"))) == []


def test_clicks_do_not_count_where_they_are_not_configured():
    before, after = (period(1_000, is_new, rate, rate, buys=0.02) for is_new, rate in ((False, 0.1), (True, 0.02)))
    assert broken(before, after, ProbationRule(metrics=("conversion",))) == []


def test_guardrails_of_which_nothing_is_reported_are_left_out():
    found = judged(period(1_000, False, 0.1, 0.1), period(1_000, True, 0.1, 0.1))
    assert list(found) == ["silence", "reports", "click_rate", "calibration"]


def test_where_nothing_at_all_is_reported_any_more_people_are_told_and_nobody_goes_back():
    before, after = period(1_000, False, 0.1, 0.1), period(1_000, True, 0.0, 0.1).assign(reported=0)
    found = judgement(before, after)
    assert found.broken == ()
    assert found.unreported is not None
    assert found.unreported.reason == ("nothing is reported of 20,000 answers; before, it would have been of 20,000")
    assert judgement(before.assign(reported=0), after).unreported is None  # it never was
    assert broken(before, after.assign(silent=10)) == ["silence"]


def test_silence_breaks_it_even_where_nothing_is_reported():
    nothing = period(200, False, 0.0, 0.0)
    assert broken(nothing, period(200, True, 0.0, 0.0, silent=2)) == ["silence"]
    assert broken(nothing, period(200, True, 0.0, 0.0)) == []


def test_one_that_says_nothing_at_all_is_found_with_the_least_customers():
    assert broken(period(100, False, 0.0, 0.0), period(100, True, 0.0, 0.0).assign(asked=1, silent=1)) == ["silence"]


def test_with_too_few_nothing_is_said():
    for before, after in ((99, 1_000), (1_000, 99)):
        found = judged(period(before, False, 0.5, 0.5), period(after, True, 0.01, 0.9))
        assert all(verdict.passed for verdict in found.values())
        assert "nothing can be said yet" in found["click_rate"].reason
    few = judged(period(1_000, False, 0.001, 0.1), period(1_000, True, 0.0, 0.1))
    assert few["click_rate"].reason == (
        "click rate: nothing can be said yet: 18 of 1,000 customers before, 18 to be expected of 1,000 since"
    )


def test_of_no_rows_nothing_is_said():
    assert all(verdict.passed for verdict in judge_probation(period(0, True, 0.1, 0.1), RULE).verdicts)
