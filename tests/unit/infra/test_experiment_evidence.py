"""What the log says of an experiment: rows by the variant that was dealt, outcomes once, and nothing is lost."""

from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from infra.experiment_evidence import Attribution, Logged, answered, arms, failures, scored_by_both
from infra.experiments import Experiment, Step
from tests.unit.infra.log_examples import NOW, Log, at

BEGAN = datetime(2026, 3, 2)
STEPS = (Step(0.0, BEGAN), Step(0.05, datetime(2026, 3, 4)), Step(0.2, datetime(2026, 3, 7)))
RULE = Attribution(days=1, before_days=14)


def experiment(model: str = "ctr", steps: tuple[Step, ...] = STEPS) -> Experiment:
    old, new = (f"{model}:{age}" for age in ("old", "new"))
    share = steps[-1].share
    return Experiment(1, model, old, new, "salt", share, share == 0, BEGAN, "try", None, None, steps)


def logged(log: Log, rule: Attribution = RULE) -> Logged:
    log.land()
    return arms(log.state, log.keys, experiment(), rule, NOW)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "state")


def table(found: Logged, *columns: str) -> list[tuple]:
    rows = found.customers[["pseudonym", "step", "variant", *columns]].astype(object)
    return list(rows.where(rows.notna(), None).itertuples(index=False, name=None))


def test_customers_are_told_by_step_and_by_the_variant_that_they_were_dealt(log: Log) -> None:
    log.said("a1", "ann", at(4), 0.05, "challenger")
    log.said("a2", "ann", at(5), 0.05, "challenger")
    log.said("a3", "ann", at(8), 0.2, "challenger")
    log.said("b1", "bob", at(4), 0.05)
    log.said("b2", "bob", at(8), 0.2, "challenger")  # the share was raised
    log.said("c1", "cyd", at(7, 0.0001), 0.05)  # the service had not taken up the new share yet
    log.came("a1", "clicked", at(4, 13))
    log.came("b1", "converted", at(4, 13), 5.5)
    log.came("b1", "converted", at(4, 14), 4.5)
    found = logged(log)
    assert table(found, "seen", "clicked", "purchases", "revenue") == [
        ("ann", 1, "challenger", 2, 1, 0, 0),
        ("ann", 2, "challenger", 1, 0, 0, 0),
        ("bob", 1, "champion", 1, 0, 2, 10.0),
        ("bob", 2, "challenger", 1, 0, 0, 0),
        ("cyd", 1, "champion", 1, 0, 0, 0),
    ]
    assert (found.predictions.total, found.predictions.left_out) == (6, {})


def test_what_a_failed_challenger_left_to_the_champion_is_still_the_challengers(log: Log) -> None:
    log.said("a1", "ann", at(4), 0.05, "champion", propensity=0.05)
    log.said("a1", "ann", at(4), 0.05, "challenger", is_answered=False, value=None, features_fingerprint=None)
    log.came("a1", "clicked", at(4, 13))
    assert table(logged(log), "seen", "clicked") == [("ann", 1, "challenger", 1, 1)]
    assert failures(log.state, log.keys, experiment(), NOW) == (1, 1)


def test_every_prediction_that_does_not_count_has_its_reason(log: Log) -> None:
    log.said("counts", "ann", at(4), 0.05)
    log.said("shadow", "ann", at(3))
    log.said("shadow", "ann", at(3), None, "challenger", is_answered=False, propensity=1.0)
    log.said("other", "ann", at(5), 0.05, version="ctr:older")
    log.said("fresh", "ann", NOW - timedelta(hours=23), 0.2)
    log.said("future", "ann", NOW + timedelta(hours=1), 0.2)
    log.said("lost", "ann", at(5), 0.05, pseudonym=None)
    log.said("churn", "ann", at(5), None, model="churn", version="churn:old")  # another model's: not read at all
    log.said("earlier", "ann", at(1))  # before the experiment
    found = logged(log).predictions
    assert (found.counted, found.total) == (1, 6)
    assert found.left_out == {
        "in the shadow": 1,
        "by another version": 1,
        "whose outcomes may still come": 1,
        "of the future (a clock is ahead)": 1,
        "of customers whose pseudonym is lost": 1,
    }
    assert "1 of 6 predictions count; left out: " in found.words("predictions")


def test_every_outcome_that_does_not_count_has_its_reason(log: Log) -> None:
    for id_ in ("p", "q"):
        log.said(id_, "ann", at(4), 0.05)
    log.said("shadow", "ann", at(3))
    log.came("p", "clicked", at(4, 13))
    log.came("p", "clicked", at(4, 14))  # twice
    log.came("nobody's", "clicked", at(4, 13))
    log.came("shadow", "clicked", at(3, 13))
    log.came("q", "clicked", at(4, 12 - 6 / 60))  # six minutes before it was predicted
    log.came("q", "converted", at(5, 12), 100)  # a day later to the second
    found = logged(log)
    assert (found.outcomes.counted, found.outcomes.total) == (1, 6)
    assert found.outcomes.left_out == {
        "told before": 1,
        "of unknown predictions": 1,
        "of predictions that do not count": 1,
        "from before their prediction": 1,
        "too late": 1,
    }
    assert table(found, "seen", "clicked", "revenue") == [("ann", 1, "champion", 2, 1, 0)]


def test_what_was_reported_first_and_does_not_count_leaves_the_next_its_turn(log: Log) -> None:
    for id_ in ("late first", "early first"):
        log.said(id_, "ann", at(4), 0.05)
    log.came("late first", "clicked", at(7), reported=at(7, 13))  # three days later, the window is one
    log.came("late first", "clicked", at(4, 13), reported=at(7, 14))
    log.came("early first", "clicked", at(4, 11), reported=at(4, 13))  # an hour before it was predicted
    log.came("early first", "clicked", at(4, 13), reported=at(4, 14))
    log.came("early first", "clicked", at(4, 14), reported=at(4, 15))
    found = logged(log)
    assert table(found, "seen", "clicked") == [("ann", 1, "champion", 2, 2)]
    assert (found.outcomes.counted, found.outcomes.total) == (2, 5)
    assert found.outcomes.left_out == {"too late": 1, "from before their prediction": 1, "told before": 1}


def test_the_window_is_open_at_its_end_and_clocks_may_be_five_minutes_behind(log: Log) -> None:
    log.said("p", "ann", at(4), 0.05)
    log.came("p", "converted", at(4, 12 - 5 / 60), 1)
    log.came("p", "converted", at(5, 12) - timedelta(microseconds=1), 2)
    assert table(logged(log), "revenue") == [("ann", 1, "champion", 3)]


def test_a_clock_that_is_ahead_counts_by_the_report(log: Log) -> None:
    """It says that the click comes next year; what is reported has happened."""
    log.said("p", "ann", at(4), 0.05)
    log.said("q", "ann", at(4), 0.05)
    log.came("p", "clicked", at(4, 13) + timedelta(days=365), reported=at(4, 13))
    log.came("q", "clicked", at(4, 13) + timedelta(days=365), reported=at(9))  # reported too late as well
    found = logged(log)
    assert table(found, "clicked") == [("ann", 1, "champion", 1)]
    assert found.clocks_ahead == 1
    assert found.outcomes.left_out == {"too late": 1}


def test_outcomes_that_come_first_wait_for_their_prediction(log: Log) -> None:
    log.came("p", "clicked", at(4, 13))
    assert logged(log).outcomes.left_out == {"of unknown predictions": 1}
    log.said("p", "ann", at(4), 0.05)
    assert table(logged(log), "clicked") == [("ann", 1, "champion", 1)]


def test_clicks_of_what_was_shown(log: Log) -> None:
    """What was clicked has been shown, whether that was reported or not."""
    for id_ in ("shown", "clicked", "neither"):
        log.said(id_, "ann", at(4), 0.05)
    log.came("shown", "shown", at(4, 13))
    log.came("clicked", "clicked", at(4, 13))
    found = logged(log, Attribution(days=1, before_days=14, of_shown=True))
    assert table(found, "seen", "clicked") == [("ann", 1, "champion", 2, 1)]


def test_the_past_of_a_customer_comes_along(log: Log) -> None:
    log.said("old", "ann", at(25, month=2))
    log.said("oldest", "ann", at(15, month=2))  # more than 14 days before the start
    log.said("silent", "bob", at(26, month=2))
    log.came("old", "clicked", at(25, 13, month=2))
    log.said("a", "ann", at(4), 0.05)
    log.said("b", "bob", at(4), 0.05)
    log.said("c", "cyd", at(4), 0.05)
    assert table(logged(log), "before_seen", "before_clicked") == [
        ("ann", 1, "champion", 1, 1),
        ("bob", 1, "champion", 1, 0),
        ("cyd", 1, "champion", None, None),
    ]


def test_the_past_is_what_was_known_of_it_when_the_experiment_began(log: Log) -> None:
    """Else what a variant brought about would be taken off as if the customer had been like that before."""
    log.said("old", "ann", at(1))  # the experiment begins on the second
    log.said("a", "ann", at(8), 0.2, "challenger")
    log.came("old", "clicked", at(1, 13))
    log.came("old", "converted", at(1, 14), 5)
    log.came("old", "converted", at(1, 15), 30, reported=at(2, 0.5))  # told after it began
    log.came("old", "converted", at(1, 11), 200, reported=at(1, 13))  # an hour before it was predicted
    log.came("old", "converted", at(15), 1_000)  # two weeks later: the window is one day
    assert table(logged(log), "before_clicked", "before_purchases", "before_revenue") == [
        ("ann", 2, "challenger", 1, 1, 5)
    ]


def test_the_past_does_not_outlast_its_window(log: Log) -> None:
    log.said("old", "ann", at(25, month=2))
    log.said("a", "ann", at(4), 0.05)
    log.came("old", "converted", at(26, 11.9, month=2), 5)
    log.came("old", "converted", at(26, 12, month=2), 30)  # a day later to the second
    assert table(logged(log), "before_revenue") == [("ann", 1, "champion", 5)]


def test_without_a_log_there_is_nothing(log: Log) -> None:
    found = arms(log.state, log.keys, experiment(), RULE, NOW)
    assert found.customers.empty
    assert (found.predictions.total, found.outcomes.total) == (0, 0)
    assert failures(log.state, log.keys, experiment(), NOW) == (0, 0)


def test_who_cannot_be_scored_by_either_is_no_failure(log: Log) -> None:
    churn = {"model": "churn", "version": "churn:old", "value": None}
    both = {"challenger": {"version": "churn:new", "is_answered": False, "propensity": 1.0}, "champion": {}}
    for to, of_variant in both.items():
        log.said("stranger", "ann", at(3), None, to, **churn | of_variant | {"is_known": False})
        log.said("lapsed", "bob", at(3), None, to, **churn | of_variant | {"label": "lapsed"})
        log.said("scored", "cyd", at(3), None, to, **churn | of_variant | {"value": 0.5})
    log.said("failed", "cyd", at(3), None, "champion", **churn | {"value": 0.5})
    log.said("failed", "cyd", at(3), None, "challenger", **churn | both["challenger"])
    log.land()
    assert failures(log.state, log.keys, experiment("churn"), NOW) == (1, 3)


def failed_row(log: Log, id_: str, **other) -> None:
    """A row that the challenger did not answer, at a share of 0.05, and the champion did in the same request."""
    share = {"propensity": 0.05}
    log.said(id_, id_, at(4), 0.05, "champion", **share | other)
    nothing = {"is_answered": False, "value": None, "features_fingerprint": None}
    log.said(id_, id_, at(4), 0.05, "challenger", **nothing | other)


def test_a_request_of_a_hundred_rows_that_was_slow_is_one_failure(log: Log) -> None:
    for number in range(100):
        failed_row(log, f"slow {number}", request_id="slow")
        for well in range(4):
            log.said(f"{well} {number}", "ann", at(4), 0.05, "challenger", request_id=f"well {well}")
    log.land()
    assert failures(log.state, log.keys, experiment(), NOW) == (1, 5)


def test_a_request_fails_where_any_of_its_rows_does(log: Log) -> None:
    failed_row(log, "a", request_id="one")
    log.said("b", "bob", at(4), 0.05, "challenger", request_id="one")
    log.said("c", "cyd", at(4), 0.05, request_id="two")  # the challenger was not asked
    log.land()
    assert failures(log.state, log.keys, experiment(), NOW) == (1, 1)


def test_an_application_that_calls_all_its_requests_the_same_still_makes_several(log: Log) -> None:
    for hour in (12, 13, 14):
        log.said(f"at {hour}", "ann", at(4, hour), 0.05, "challenger", request_id="ours")
    log.land()
    assert failures(log.state, log.keys, experiment(), NOW) == (0, 3)


def test_while_it_is_passed_over_a_challenger_is_not_asked(log: Log) -> None:
    """The failure that began the stretch stands for it: what follows from that is no evidence of its own."""
    failed_row(log, "failed")
    for number in range(50):
        failed_row(log, f"passed over {number}", latency_ms=0.0)
    log.land()
    assert failures(log.state, log.keys, experiment(), NOW) == (1, 1)
    assert len(arms(log.state, log.keys, experiment(), RULE, NOW).customers) == 51  # all dealt to it


def test_what_the_challenger_answered_at_its_present_share(log: Log) -> None:
    """Of the last step, 0.2: two requests, one of two rows; nothing of the step before, and nothing that failed."""
    shadow = {"is_answered": False, "propensity": 1.0}
    log.said("unheard", "ann", at(3), None, "challenger", **shadow)
    log.said("unheard", "ann", at(3))
    log.said("before", "ann", at(4), 0.05, "challenger")
    failed_row(log, "failed", propensity=0.2)
    log.said("a", "ann", at(8), 0.2, "challenger", request_id="one")
    log.said("b", "ann", at(8), 0.2, "challenger", request_id="one")
    log.said("c", "bob", at(8), 0.2, "challenger")
    log.said("d", "cyd", at(8), 0.2)
    log.land()
    assert answered(log.state, log.keys, experiment(), NOW) == 2
    assert answered(log.state, log.keys, experiment(steps=STEPS[:1]), NOW) == 1


def test_rows_that_both_scored_are_taken_once_a_customer_and_profile(log: Log) -> None:
    monday, tuesday = ({"as_of": f"2026-03-0{day}T00:00:00Z"} for day in (2, 3))
    for id_, who, as_of, values in (
        ("p1", "ann", monday, (0.5, 0.4)),
        ("p2", "ann", monday, (0.5, 0.4)),  # asked again on the same profile
        ("p3", "ann", tuesday, (0.6, 0.3)),
        ("p4", "bob", monday, (0.5, None)),  # the challenger failed
    ):
        churn = {"model": "churn"} | as_of
        log.said(id_, who, at(3), None, "champion", **churn, version="churn:old", value=values[0])
        shadow = {"version": "churn:new", "value": values[1], "is_answered": False, "propensity": 1.0}
        log.said(id_, who, at(3), None, "challenger", **churn | shadow)
    log.land()
    found = scored_by_both(log.state, log.keys, experiment("churn"), NOW)
    assert list(found.itertuples(index=False, name=None)) == [
        ("ann", pd.Timestamp("2026-03-02"), 0.5, 0.4),
        ("ann", pd.Timestamp("2026-03-03"), 0.6, 0.3),
    ]
