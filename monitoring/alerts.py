"""Alerts: what people are told, once an incident, with its strongest reasons, and again when it is over."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Severity = Literal["info", "warning", "critical"]
RISING: tuple[Severity, ...] = ("info", "warning", "critical")


@dataclass(frozen=True)
class Condition:
    """Something that is well or is not, as judged now; what is not opens one incident, what is well again closes it.

    ``key`` names the incident ("drift.ctr"); ``reasons`` come strongest first; ``report`` is a path or a link;
    ``remedy`` says what to do, where there is more to say than its kind of key does.
    """

    key: str
    is_well: bool
    severity: Severity
    headline: str
    reasons: tuple[str, ...] = ()
    report: str | None = None
    remedy: str | None = None


@dataclass(frozen=True)
class News:
    """Something that happened once and that people should hear of: a promotion, a rejected challenger.

    The same key, headline and reasons are the same news, and told once.
    """

    key: str
    headline: str
    reasons: tuple[str, ...] = ()
    report: str | None = None


@dataclass(frozen=True)
class Standing:
    """An open incident: what it is, how bad it was at its worst, since when, and when people last heard of it."""

    headline: str
    severity: Severity
    opened_at: datetime
    last_told_at: datetime


Action = Literal["open", "keep", "remind", "escalate", "close"]


@dataclass(frozen=True)
class Step:
    """What becomes of the incident of a condition; all but ``keep`` tells people.

    ``headline`` says what is or was wrong; ``severity`` is the worst so far; ``opened_at`` is now for one that opens.
    """

    action: Action
    condition: Condition
    headline: str
    severity: Severity
    opened_at: datetime


def next_steps(
    conditions: Iterable[Condition], standing: Mapping[str, Standing], now: datetime, reminder_hours: float
) -> list[Step]:
    """What to do about each condition, given the open incidents by key; one that nobody judged now stays as it is.

    A severity that falls changes nothing: it would be told again as it rises. Of several conditions with one key
    the worst counts. ``reminder_hours`` of 0: people are not reminded.
    """
    steps = [_step(condition, standing.get(condition.key), now, reminder_hours) for condition in _worst(conditions)]
    return [step for step in steps if step is not None]


def _worst(conditions: Iterable[Condition]) -> list[Condition]:
    found: dict[str, Condition] = {}
    for condition in conditions:
        known = found.get(condition.key)
        if known is None or _badness(condition) > _badness(known):
            found[condition.key] = condition
    return list(found.values())


def _badness(condition: Condition) -> tuple[bool, int]:
    return not condition.is_well, RISING.index(condition.severity)


def _step(condition: Condition, known: Standing | None, now: datetime, reminder_hours: float) -> Step | None:
    if known is None:
        return None if condition.is_well else Step("open", condition, condition.headline, condition.severity, now)
    if condition.is_well:
        return Step("close", condition, known.headline, known.severity, known.opened_at)
    if RISING.index(condition.severity) > RISING.index(known.severity):
        return Step("escalate", condition, condition.headline, condition.severity, known.opened_at)
    is_due = reminder_hours > 0 and now - known.last_told_at >= timedelta(hours=reminder_hours)
    action: Action = "remind" if is_due else "keep"
    return Step(action, condition, condition.headline, known.severity, known.opened_at)
