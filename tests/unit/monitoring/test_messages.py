"""What people on call read."""

from datetime import datetime, timedelta

import pytest

from monitoring import messages
from monitoring.alerts import Action, Condition, News, Severity, Step

NOON = datetime(2017, 5, 7, 12)
DRIFT = Condition(
    "drift.ctr",
    is_well=False,
    severity="warning",
    headline="data drift in ctr",
    reasons=("price moved by 0.6 σ", "department moved by 0.4", "hour moved by 0.3", "day moved by 0.2", "…"),
    report="/state/reports/c1/drift-ctr.html",
)


def step(action: Action, condition: Condition = DRIFT, severity: Severity = "warning") -> Step:
    return Step(action, messages.clean(condition), "data drift in ctr", severity, NOON)


def test_an_incident_that_opens() -> None:
    message = messages.of_incident(step("open"), NOON)
    assert message.subject == "[aimloop] WARNING: data drift in ctr"
    assert message.body == (
        "data drift in ctr\n"
        "Since: 2017-05-07 12:00 UTC\n"
        "Why:\n"
        "  1. price moved by 0.6 σ\n"
        "  2. department moved by 0.4\n"
        "  3. hour moved by 0.3\n"
        "  and 2 more\n"
        "To do: look at the report; retraining is asked for by itself once the trigger says so (`aimloop status`)\n"
        "Report: /state/reports/c1/drift-ctr.html\n"
        "(drift.ctr)"
    )


def test_an_incident_that_is_over_says_what_was_and_how_long() -> None:
    well = Condition("drift.ctr", True, "warning", "no drift in ctr")
    message = messages.of_incident(step("close", well), NOON + timedelta(days=3, hours=4, minutes=9))
    assert message.subject == "[aimloop] resolved after 3 d 4 h: data drift in ctr"
    assert message.body == (
        "data drift in ctr\n"
        "Since: 2017-05-07 12:00 UTC\n"
        "Until: 2017-05-10 16:09 UTC, 3 d 4 h\n"
        "Now: no drift in ctr\n"
        "(drift.ctr)"
    )


@pytest.mark.parametrize(
    ("action", "severity", "subject"),
    [
        ("escalate", "critical", "[aimloop] now CRITICAL: data drift in ctr"),
        ("remind", "warning", "[aimloop] still WARNING after 1 d: data drift in ctr"),
    ],
)
def test_an_incident_that_gets_worse_or_lasts(action: Action, severity: Severity, subject: str) -> None:
    assert messages.of_incident(step(action, severity=severity), NOON + timedelta(days=1)).subject == subject


def test_news() -> None:
    message = messages.of_news(News("promoted.churn:b", "churn:b is champion", ("+3 % log score",)), NOON)
    assert message.subject == "[aimloop] churn:b is champion"
    assert message.body.splitlines()[1:] == [
        "When: 2017-05-07 12:00 UTC",
        "Why:",
        "  1. +3 % log score",
        "(promoted.churn:b)",
    ]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("customer abcdefghijklmnopabcdefgh spent less", "customer … spent less"),  # a pseudonym
        ("erased: abcdefghijklmnopabcdefghijklmnop", "erased: …"),  # a tombstone
        ("ask ann.lee@example.com", "ask …"),
        ("the key aim_1f2e_s3cr-et of the shop", "the key … of the shop"),
        ("two\r\nSubject: lines\x0b", "two Subject: lines"),
        ("churn:20171204t000000-0292d00f beats days_since_last_order", None),
        ("x" * 301, "x" * 299 + "…"),
    ],
)
def test_who_it_is_about_and_what_opens_doors_is_left_out(said: str, told: str | None) -> None:
    condition = messages.clean(Condition("drift.ctr", False, "warning", "drift", (said,), said, said))
    assert (condition.reasons, condition.report, condition.remedy) == ((told or said,), told or said, told or said)
    body = messages.of_incident(step("open", condition), NOON).body
    assert f"  1. {told or said}\n" in body
    assert body.count("\n") == 6


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "less than a minute"), (-9, "less than a minute"), (59, "59 min"), (60, "1 h"), (1441, "1 d 1 min")],
)
def test_how_long(minutes: int, words: str) -> None:
    assert messages.in_words(timedelta(minutes=minutes)) == words
