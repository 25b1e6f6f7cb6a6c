"""What services answered beside what came of it: once its time is over, and only where anything is reported at all."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from infra.served_evidence import clicks, scores
from tests.unit.infra.log_examples import NOW, OLD, Log, at

SINCE, DAY = datetime(2026, 3, 2), timedelta(days=1)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "state")


def told(log: Log, *, of_shown: bool = False, rows: int = 100) -> list[tuple[str, float, float]]:
    log.land()
    found = clicks(log.state, log.keys, OLD, SINCE, DAY, NOW, of_shown, rows)
    return sorted(found.itertuples(index=False, name=None))


def test_answers_count_once_their_window_is_over(log: Log) -> None:
    log.said("a", "ann", at(4), value=0.2)
    log.said("b", "bob", at(4), value=0.3)
    log.said("early", "cyd", at(1))
    log.said("fresh", "cyd", NOW - timedelta(hours=23))
    log.said("unheard", "cyd", at(4), is_answered=False)
    log.said("unknown", "cyd", at(4), value=None, is_known=False, features_fingerprint=None)
    log.said("other", "cyd", at(4), version="ctr:other")
    log.came("b", "clicked", at(4, 13))
    assert told(log) == [("ann", 0.2, 0.0), ("bob", 0.3, 1.0)]


@pytest.mark.parametrize(
    ("when", "reported", "clicked"),
    [
        (at(4, 13), None, 1.0),
        (at(4, 13), NOW - timedelta(hours=1), 1.0),  # told late
        (at(5, 12), None, 0.0),  # a day later, to the minute
        (at(4, 11), None, 0.0),  # an hour before it was predicted
        (at(19), at(4, 13), 1.0),  # a clock is ahead: it cannot have come after it was told
    ],
)
def test_a_click_counts_within_its_window(log: Log, when: datetime, reported: datetime | None, clicked: float) -> None:
    log.said("a", "ann", at(4), value=0.2)
    log.came("a", "clicked", when, reported=reported)
    assert told(log) == [("ann", 0.2, clicked)]


def test_as_long_as_nothing_is_reported_nothing_is_known(log: Log) -> None:
    log.said("a", "ann", at(4))
    assert told(log) == []


def test_of_those_that_were_shown_alone(log: Log) -> None:
    for name in ("a", "b", "c"):
        log.said(name, name, at(4), value=0.2)
    log.came("a", "shown", at(4, 12.1))
    log.came("b", "clicked", at(4, 12.1))
    assert told(log, of_shown=True) == [("a", 0.2, 0.0), ("b", 0.2, 1.0)]


def test_a_sample_is_always_the_same_one(log: Log) -> None:
    for number in range(40):
        log.said(f"p{number}", f"c{number}", at(4), value=0.2)
    log.came("p1", "clicked", at(4, 13))
    first = told(log, rows=10)
    assert len(first) == 10
    found = clicks(log.state, log.keys, OLD, SINCE, DAY, NOW, False, 10)
    assert sorted(found.itertuples(index=False, name=None)) == first


def test_of_a_profile_the_last_answer_counts(log: Log) -> None:
    churn = {"model": "churn", "version": "churn:old"}
    log.said("1", "ann", at(4), value=0.2, as_of="2026-03-03T00:00:00Z", **churn)
    log.said("2", "ann", at(5), value=0.4, as_of="2026-03-03T00:00:00Z", **churn)
    log.said("3", "ann", at(11), value=0.6, as_of="2026-03-10T00:00:00Z", **churn)
    log.said("4", "ann", at(1), value=0.8, as_of="2026-02-24T00:00:00Z", **churn)
    log.land()
    found = scores(log.state, log.keys, "churn:old", SINCE)
    assert found.to_dict("list") == {
        "pseudonym": ["ann", "ann"],
        "as_of": [datetime(2026, 3, 3), datetime(2026, 3, 10)],
        "predicted": [0.4, 0.6],
    }
