"""What people read when they are told: a subject and a few plain lines, short enough for a telephone."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from monitoring.alerts import Condition, News, Step

REASONS = 3  # the strongest; the report has all
HEADLINE_LETTERS, REASON_LETTERS = 150, 300

# What to do, by the first word of an incident's key.
_REMEDIES = {
    "drift": "look at the report; retraining is asked for by itself once the trigger says so (`aimloop status`)",
    "quality": "ask whoever delivers the data; nothing is retrained on it meanwhile (`aimloop inspect`)",
    "performance": "look at the report; if it began with a promotion: `aimloop rollback MODEL --because …`",
    "experiment": "`aimloop experiments` shows it; `aimloop experiments end MODEL --because …` ends it",
    "challenger": "`aimloop experiments` shows it; `aimloop experiments end MODEL --because …` ends it",
    "services": "look at /readyz and the log of `aimloop serve`",
    "schedule": "look at the Prefect server and its worker (`aimloop ui`)",
}
_OTHERWISE = "look at the report and at `aimloop alerts`"

# A pseudonym is 24 letters and a tombstone 32 (infra.keys); an address has an @; an application's key says so itself.
_NOT_FOR_OTHERS = re.compile(r"\b(?:[a-p]{24}|[a-p]{32})\b|\baim_[\w-]+|[^\s@]+@[^\s@]+\.[^\s@]+")

Link = Callable[[str], str]
Told = TypeVar("Told", Condition, News)


@dataclass(frozen=True)
class Message:
    """One line for a list of messages, and the rest."""

    subject: str
    body: str


def clean(told: Told) -> Told:
    """The same in lines of bounded length, without what could name a person or open a door: all else takes it so."""
    cleaned: dict[str, Any] = {name: _plain(getattr(told, name), HEADLINE_LETTERS) for name in ("key", "headline")}
    longer = {name: getattr(told, name, None) for name in ("report", "remedy")}
    cleaned |= {name: _plain(text, REASON_LETTERS) for name, text in longer.items() if text}
    return replace(told, **cleaned, reasons=tuple(_plain(reason, REASON_LETTERS) for reason in told.reasons))


def of_incident(step: Step, now: datetime, link: Link = str) -> Message:
    """What is said of an incident that opens, gets worse, lasts or is over; ``link`` turns a report into a link."""
    condition, lasted = step.condition, in_words(now - step.opened_at)
    what = {
        "open": step.severity.upper(),
        "escalate": f"now {step.severity.upper()}",
        "remind": f"still {step.severity.upper()} after {lasted}",
        "close": f"resolved after {lasted}",
    }[step.action]
    lines = [f"Since: {step.opened_at:%Y-%m-%d %H:%M} UTC"]
    if step.action == "close":
        lines += [f"Until: {now:%Y-%m-%d %H:%M} UTC, {lasted}", f"Now: {condition.headline}"]
    lines += _because(condition.reasons)
    if step.action != "close":
        kind = condition.key.partition(".")[0]
        lines.append(f"To do: {condition.remedy or _REMEDIES.get(kind, _OTHERWISE)}")
    return _message(f"{what}: {step.headline}", step.headline, condition, lines, link)


def of_news(news: News, now: datetime, link: Link = str) -> Message:
    """What is said of something that happened once."""
    lines = [f"When: {now:%Y-%m-%d %H:%M} UTC", *_because(news.reasons)]
    return _message(news.headline, news.headline, news, lines, link)


def in_words(time: timedelta) -> str:
    """Two units at most, such as "3 d 4 h"; a clock that went back counts as no time."""
    minutes = max(0, int(time.total_seconds() // 60))
    days, hours = divmod(minutes // 60, 24)
    parts = {"d": days, "h": hours, "min": minutes % 60}
    told = [f"{number} {unit}" for unit, number in parts.items() if number]
    return " ".join(told[:2]) or "less than a minute"


def _message(subject: str, headline: str, told: Condition | News, lines: list[str], link: Link) -> Message:
    if told.report:
        lines.append(f"Report: {link(told.report)}")
    return Message(f"[aimloop] {subject}", "\n".join([headline, *lines, f"({told.key})"]))


def _because(reasons: tuple[str, ...]) -> list[str]:
    lines = ["Why:", *(f"  {n}. {reason}" for n, reason in enumerate(reasons[:REASONS], 1))]
    if len(reasons) > REASONS:
        lines.append(f"  and {len(reasons) - REASONS} more")
    return lines if reasons else []


def _plain(text: str, letters: int) -> str:
    """On one line, of bounded length, without what could name a person or open a door."""
    line = _NOT_FOR_OTHERS.sub("…", " ".join(text.split()))
    return line if len(line) <= letters else f"{line[: letters - 1]}…"
