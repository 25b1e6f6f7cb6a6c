"""One incident, one message: when it opens, gets worse, lasts and is over."""

from datetime import datetime, timedelta

import pytest

from monitoring.alerts import Condition, Severity, Standing, next_steps

NOON = datetime(2017, 5, 7, 12)


def condition(severity: Severity | None, key: str = "drift.ctr") -> Condition:
    """None: it is well."""
    return Condition(key, severity is None, severity or "warning", "drift in ctr")


def standing(severity: Severity, told: datetime = NOON) -> dict[str, Standing]:
    return {"drift.ctr": Standing("drift in ctr", severity, NOON, told)}


@pytest.mark.parametrize(
    ("before", "now", "action", "worst"),
    [
        (None, "warning", "open", "warning"),
        ("warning", "warning", "keep", "warning"),
        ("warning", "critical", "escalate", "critical"),
        ("critical", "info", "keep", "critical"),  # and critical again: nothing new
        ("critical", "critical", "keep", "critical"),
        ("critical", None, "close", "critical"),
    ],
)
def test_what_becomes_of_an_incident(before: Severity | None, now: Severity | None, action: str, worst: str) -> None:
    known = standing(before) if before else {}
    (step,) = next_steps([condition(now)], known, NOON + timedelta(hours=1), 24)
    assert (step.action, step.severity, step.opened_at) == (
        action,
        worst,
        NOON if before else NOON + timedelta(hours=1),
    )


def test_what_is_well_and_was_well_is_nothing() -> None:
    assert next_steps([condition(None)], {}, NOON, 24) == []


def test_what_nobody_judged_stays_as_it_is() -> None:
    assert next_steps([], standing("critical"), NOON + timedelta(days=9), 24) == []


@pytest.mark.parametrize(
    ("hours", "reminder_hours", "action"),
    [(23.99, 24, "keep"), (24, 24, "remind"), (1000, 0, "keep"), (0.5, 0.5, "remind"), (-5, 24, "keep")],
)
def test_people_are_reminded_after_so_many_hours_since_they_last_heard(
    hours: float, reminder_hours: float, action: str
) -> None:
    known = standing("warning", told=NOON + timedelta(days=3))
    now = NOON + timedelta(days=3, hours=hours)
    (step,) = next_steps([condition("warning")], known, now, reminder_hours)
    assert step.action == action


def test_of_conditions_with_one_key_the_worst_counts() -> None:
    several = [condition(None), condition("info"), condition("critical"), condition("warning")]
    for order in (several, several[::-1]):
        steps = next_steps([condition("info", "drift.churn"), *order], {}, NOON, 24)
        assert [(step.condition.key, step.severity) for step in steps] == [
            ("drift.churn", "info"),
            ("drift.ctr", "critical"),
        ]
