"""What was shown by chance in the shadow, beside what each version would have shown."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from infra.experiments import Experiment, Step
from infra.intake.log_zone import open_log_zone
from infra.off_policy_evidence import Choices, first_choices
from tests.unit.infra.log_examples import NEW, NOW, OLD, Log, at

BEGAN = datetime(2026, 3, 2)
SHADOW = Experiment(1, "ctr", OLD, NEW, "salt", 0.0, True, BEGAN, "try", None, None, (Step(0.0, BEGAN),))
DAY = timedelta(days=1)
NOON, ONE = at(3), at(3, 13)

Values = tuple[float | None, float | None]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "state")


def asked(log: Log, request: str, who: str | None, *values: Values, when: datetime = NOON, **other) -> None:
    """Ads asked about at once, r-1, r-2, …: what champion and challenger say of each in the shadow."""
    known = {"request_id": request, **other}
    for number, (champion, challenger) in enumerate(values, start=1):
        log.said(
            f"{request}-{number:x}", who or "", when, value=champion, **known | ({} if who else {"pseudonym": None})
        )
        shadow = {"variant": "challenger", "version": NEW, "is_answered": False, "value": challenger}
        log.rows.append(log.rows[-1] | shadow)


def shown(log: Log, id_: str, chance: float | None, when: datetime = ONE) -> None:
    log.came(id_, "shown", when, chance=chance)


def found(log: Log, now: datetime = NOW) -> Choices:
    if log.rows:
        log.land()
    return first_choices(log.state, log.keys, SHADOW, DAY, now)


def table(choices: Choices) -> list[tuple]:
    return list(choices.rows.itertuples(index=False, name=None))


def test_what_was_shown_stands_beside_what_each_version_ranks_first(log: Log) -> None:
    #                            champion, challenger
    asked(log, "a", "ann", (0.3, 0.1), (0.2, 0.4), (0.1, 0.2))
    asked(log, "b", "bob", (0.3, 0.1), (0.2, 0.4))
    asked(log, "c", "cyd", (0.3, 0.1), (0.2, 0.4), (0.1, 0.2))
    asked(log, "d", "dan", (0.3, 0.1))
    shown(log, "a-1", 0.9)
    shown(log, "b-2", 0.1)
    log.came("b-2", "clicked", at(3, 14))
    shown(log, "c-3", 0.05)
    shown(log, "d-1", None)  # nothing is said of its chance
    choices = found(log)
    assert table(choices) == [
        # who, chance, clicked, champion's, challenger's; the champion's value of it, of its own, of the challenger's
        ("ann", 0.9, 0, True, False, 0.3, 0.3, 0.2),
        ("bob", 0.1, 1, False, True, 0.2, 0.3, 0.2),
        ("cyd", 0.05, 0, False, False, 0.1, 0.3, 0.2),
    ]
    assert (choices.requests.counted, choices.requests.total) == (3, 3)


def test_of_rows_scored_alike_the_one_asked_about_first_is_ranked_first(log: Log) -> None:
    asked(log, "a", "ann", *[(0.1, 0.5)] * 2, *[(0.2, 0.5)] * 15)  # the ids go up to a-11, which is 17
    shown(log, "a-3", 0.5)
    asked(log, "b", "bob", *[(0.1, 0.5)] * 2, *[(0.2, 0.5)] * 15)
    shown(log, "b-1", 0.5)
    assert table(found(log)) == [
        ("ann", 0.5, 0, True, False, 0.2, 0.2, 0.1),
        ("bob", 0.5, 0, False, True, 0.1, 0.2, 0.1),
    ]


def test_customers_asked_about_in_one_request_are_each_shown_one(log: Log) -> None:
    asked(log, "r", "ann", (0.3, 0.1), (0.2, 0.4))
    log.said("r-a", "bob", at(3), request_id="r", value=0.5)
    log.rows.append(log.rows[-1] | {"variant": "challenger", "version": NEW, "is_answered": False, "value": 0.9})
    asked(log, "r-of-cyd", "cyd", (0.3, 0.1), request_id="r")  # of whom nothing is reported
    shown(log, "r-1", 0.9)
    shown(log, "r-a", 1.0)
    choices = found(log)
    assert [row[:5] for row in table(choices)] == [("ann", 0.9, 0, True, False), ("bob", 1.0, 0, True, True)]
    assert choices.requests.total == 2


def test_a_request_id_that_comes_again_is_another_request(log: Log) -> None:
    """A retry; and two applications that count their requests from 1."""
    asked(log, "r", "ann", (0.3, 0.1), (0.2, 0.4))
    shown(log, "r-1", 0.9)
    for name, other in (("later", {"when": at(3, 12.5)}), ("other", {"application": "other"})):
        asked(log, name, "ann", (0.4, 0.1), (0.5, 0.4), **{"when": at(3)} | other)
        for row in log.rows[-4:]:
            row["request_id"] = "r"
        shown(log, f"{name}-2", 0.1)
    assert [(row[1], row[5], row[6]) for row in table(found(log))] == [
        (0.9, 0.3, 0.3),
        (0.1, 0.5, 0.5),
        (0.1, 0.5, 0.5),
    ]


def test_every_request_that_does_not_count_has_its_reason(log: Log) -> None:
    two: tuple[Values, Values] = ((0.3, 0.1), (0.2, 0.4))
    asked(log, "counts", "counts", *two)
    asked(log, "both", "ann", *two)
    asked(log, "guess", "ann", *two)  # shown by chance one, clicked the other
    asked(log, "half", "ann", (0.3, 0.1), (0.2, None))  # the challenger failed
    asked(log, "late", "ann", *two)
    asked(log, "lost", None, *two)
    asked(log, "fresh", "ann", *two, when=NOW - timedelta(hours=23))
    asked(log, "future", "ann", *two, when=NOW + timedelta(hours=1))
    asked(log, "before", "ann", *two, when=at(1))  # before the experiment: not read at all
    asked(log, "churn", "ann", *two, model="churn")
    asked(log, "ramp", "ann", (0.3, None), (0.2, None))
    log.rows = [row for row in log.rows if not (row["request_id"] == "ramp" and row["variant"] == "challenger")]
    asked(log, "older", "ann", *two, version="ctr:older")
    first = {row["prediction_id"]: row for row in log.rows if row["prediction_id"].endswith("-1")}
    for id_, row in first.items():
        predicted_at = datetime.fromisoformat(row["predicted_at"]).replace(tzinfo=None)
        shown(log, id_, 0.9, min(predicted_at + (DAY if id_ == "late-1" else timedelta()), NOW - timedelta(minutes=2)))
    log.came("both-2", "shown", at(3, 13))
    log.came("guess-2", "clicked", at(3, 13))
    choices = found(log)
    assert [row[0] for row in table(choices)] == ["counts"]
    assert choices.requests.left_out == {
        "that showed several": 2,
        "that not both versions scored": 3,
        "that showed it outside of the window": 1,
        "of customers whose pseudonym is lost": 1,
        "whose outcomes may still come": 1,
        "of the future (a clock is ahead)": 1,
    }


def test_outcomes_count_within_the_window_and_clocks_may_be_off(log: Log) -> None:
    two: tuple[Values, Values] = ((0.3, 0.1), (0.2, 0.4))
    for name in ("behind", "long before", "last", "ahead", "late click"):
        asked(log, name, name, *two)
    shown(log, "behind-1", 0.9, at(3, 12 - 5 / 60))
    shown(log, "long before-1", 0.9, at(3, 12 - 6 / 60))
    shown(log, "last-1", 0.9, at(4) - timedelta(microseconds=1))
    log.came("ahead-1", "shown", at(3, 13) + timedelta(days=365), reported=at(3, 13), chance=0.9)
    shown(log, "late click-1", 0.9)
    log.came("late click-1", "clicked", at(4))
    choices = found(log)
    assert [(row[0], row[2]) for row in table(choices)] == [("ahead", 0), ("behind", 0), ("last", 0), ("late click", 0)]
    assert choices.requests.left_out == {"that showed it outside of the window": 1}


def test_of_two_reports_of_what_was_shown_the_first_chance_counts(log: Log) -> None:
    asked(log, "a", "ann", (0.3, 0.1), (0.2, 0.4))
    shown(log, "a-1", None, at(3, 12.5))
    shown(log, "a-1", 0.25, at(3, 13))
    shown(log, "a-1", 0.75, at(3, 14))
    assert [row[1] for row in table(found(log))] == [0.25]


def test_without_a_log_or_a_chance_there_is_nothing(log: Log) -> None:
    assert found(log).requests.total == 0
    asked(log, "a", "ann", (0.3, 0.1))
    shown(log, "a-1", None)
    assert found(log).requests.total == 0


def test_a_zone_of_an_older_version_knows_no_chance(log: Log) -> None:
    asked(log, "a", "ann", (0.3, 0.1))
    shown(log, "a-1", 0.5)
    assert found(log).requests.total == 1
    with open_log_zone(log.state, log.keys, read_only=False) as zone:
        zone.execute("ALTER TABLE log.outcomes DROP COLUMN propensity")
    assert first_choices(log.state, log.keys, SHADOW, DAY, NOW).requests.total == 0
