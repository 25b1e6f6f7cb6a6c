"""The ramp: which step follows, from what was judged, the share, the days and the failures."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.experiment import ExperimentJudgement
from monitoring.promotion import Schedule, Standing, decide
from monitoring.verdict import Verdict

WELL = Verdict("experiment.failures", True, 0.0, 0.01, "0 of 1,000 requests failed")
FAILING = replace(WELL, passed=False, reason="90 of 1,000 requests failed")
SCHEDULE = Schedule()
SHADOW = Standing(share=0.0, is_shadow=True, step_days=1, days=1, answered=100)
FIRST = Standing(share=0.05, is_shadow=False, step_days=3, days=4, answered=100)


def judgement(action: str, reason: str = "click_rate +1 %") -> ExperimentJudgement:
    return ExperimentJudgement(action, reason, {}, ())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("standing", "step", "share", "why"),
    [
        (SHADOW, "raise", 0.05, "100 requests scored in the shadow"),
        (replace(SHADOW, step_days=0.99), "stay", None, "in the shadow for 1.0 of 1 days"),
        (replace(SHADOW, answered=99), "stay", None, "scored 99 requests in the shadow, 100 are the least"),
        (FIRST, "raise", 0.2, "0.05 of the customers for 3.0 days without harm"),
        (replace(FIRST, step_days=2.99), "stay", None, "0.05 of the customers"),
        (replace(FIRST, answered=99), "stay", None, "answered 99 requests at that share, 100 are the least"),
        (replace(FIRST, answered=0, step_days=20), "stay", None, "answered 0 requests"),  # no traffic is no proof
        (replace(FIRST, share=0.1), "raise", 0.2, "0.1 of the customers"),  # people began elsewhere
        (replace(FIRST, share=0.2), "raise", 0.5, "0.2 of the customers"),
        (replace(FIRST, share=0.5, step_days=20), "stay", None, "0.5 of the customers"),
        (replace(FIRST, share=0.7, step_days=20), "stay", None, "0.7 of the customers"),
    ],
)
def test_as_long_as_nothing_is_decided_the_schedule_counts(standing, step, share, why):
    for judged in (None, judgement("go on")):
        found = decide(judged, WELL, standing, SCHEDULE)
        assert (found.step, found.share) == (step, share)
        assert why in found.reason


@pytest.mark.parametrize("judged", [None, judgement("go on")])
@pytest.mark.parametrize(
    ("standing", "why"),
    [
        (replace(SHADOW, answered=0), "it scored 0 requests in the shadow, 100 are the least"),
        (replace(SHADOW, answered=0, scores_alone=True), "of what it scored"),
        (SHADOW, "100 requests scored in the shadow"),
        (replace(FIRST, answered=0), "answered 0 requests at that share"),
        (replace(FIRST, share=0.5), "0.5 of the customers"),
    ],
)
def test_no_experiment_outlasts_the_most_days_whatever_is_known(standing, why, judged):
    """Else one that nobody is asked for would keep the place from all candidates to come."""
    on_time = decide(judged, WELL, replace(standing, days=27.99), SCHEDULE)
    assert on_time.step in ("stay", "raise")
    found = decide(judged, WELL, replace(standing, days=28), SCHEDULE)
    assert (found.step, found.is_harm) == ("end", False)
    assert found.reason.startswith("nothing is decided after 28 days, 28 are the most: ")
    assert (judged.reason if judged and standing.scores_alone else why) in found.reason


def test_what_is_judged_on_the_last_day_is_done():
    assert decide(judgement("promote"), WELL, replace(FIRST, days=28), SCHEDULE).step == "promote"


@pytest.mark.parametrize("standing", [FIRST, replace(FIRST, share=0.5)])
@pytest.mark.parametrize(
    ("action", "step", "is_harm"),
    [("promote", "promote", False), ("reject", "end", False), ("stop for harm", "end", True)],
)
def test_what_is_judged_is_done_at_any_share(standing, action, step, is_harm):
    found = decide(judgement(action), WELL, standing, SCHEDULE)
    assert (found.step, found.is_harm) == (step, is_harm)
    assert "click_rate +1 %" in found.reason
    assert ("stopped for harm" in found.reason) == is_harm


@pytest.mark.parametrize("standing", [SHADOW, FIRST, replace(SHADOW, scores_alone=True)])
@pytest.mark.parametrize("judged", [None, judgement("promote"), judgement("go on")])
def test_a_challenger_that_fails_is_ended_whatever_else_is_known(standing, judged):
    found = decide(judged, FAILING, standing, SCHEDULE)
    assert (found.step, found.is_harm) == ("end", True)
    assert found.reason == "stopped for harm: 90 of 1,000 requests failed"


@pytest.mark.parametrize(("judged", "why"), [(None, "nothing is known yet"), (judgement("go on"), "click_rate +1 %")])
def test_where_both_score_every_row_there_is_nothing_to_raise(judged, why):
    found = decide(judged, WELL, replace(SHADOW, step_days=50, days=50, scores_alone=True), Schedule(max_days=84))
    assert (found.step, found.share) == ("stay", None)
    assert why in found.reason


@settings(deadline=None)
@given(
    share=st.floats(0.001, 0.999),
    days=st.floats(0, 100),
    shares=st.lists(st.floats(0.01, 0.99), min_size=1, max_size=5, unique=True).map(sorted).map(tuple),
)
def test_a_share_is_only_ever_raised(share, days, shares):
    found = decide(None, WELL, replace(FIRST, share=share, step_days=days), Schedule(shares=shares))
    assert found.step in ("stay", "raise")
    if found.step == "raise":
        assert found.share in shares
        assert found.share > share
