"""Alert: tell people through the notification blocks that the settings name.

What happened is written to the ledger first, in one transaction, and sent afterwards. What cannot be sent is noted and
tried again at the next announcement; a broken pager stops no flow.
"""

import hashlib
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from filelock import FileLock, Timeout
from sqlalchemy.orm import Session

from flows.context import Door, now
from infra.deliveries import Deliveries
from infra.incidents import Book, Facts, Incidents
from monitoring import messages
from monitoring.alerts import Action, Condition, News, Severity, Standing, Step, next_steps

WAIT_SECONDS = 60  # for another process that is sending

DONE: dict[Action, str] = {
    "open": "opened",
    "escalate": "escalated",
    "remind": "reminded",
    "keep": "kept",
    "close": "resolved",
}


@dataclass
class Sending:
    """What came of sending: how many messages got through and wait, and what went wrong in which block."""

    sent: int = 0
    waiting: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def announce(door: Door, conditions: Sequence[Condition] = (), news: Sequence[News] = ()) -> dict[str, Any]:
    """Open, keep and close incidents, and send what is due; sending that fails is noted and tried again.

    Returns a result with a ``line``: what was sent, kept back and failed. It begins a transaction of the ledger, so
    it must not be called within one.
    """
    at, blocks = now(), door.settings.alerts.blocks
    with Incidents(door.ledger).book(at, blocks) as book:
        done = _conditions(door, book, conditions, at)
        told = [each.key for each in map(messages.clean, news) if _news(door, book, each, at)]
    sending = _send(door, blocks)
    parts = [f"{name} {', '.join(keys)}" for name, keys in done.items() if keys and name != "kept"]
    parts += [f"told of {', '.join(told)}"] if told else []
    parts += [f"{len(done['kept'])} still open, told before"] if done["kept"] else []
    parts += [f"messages sent: {sending.sent}"] if sending.sent else []
    parts += [f"{block} failed: {why}" for block, why in sending.failed.items()]
    parts += [f"messages that wait for the next announcement: {sending.waiting}"] if sending.waiting else []
    has_spoken = bool(told) or any(keys for name, keys in done.items() if name != "kept")
    if has_spoken and not blocks:
        parts.append("nobody is told: no block is named in [alerts] of aimloop.toml; `aimloop alerts` shows all")
    line = "; ".join(parts) or "nothing to tell"
    is_bad = bool(done["opened"] or done["escalated"] or sending.failed)
    if parts:
        _log(logging.WARNING if is_bad else logging.INFO, f"alerts: {line}")
    return {
        "line": line,
        **done,
        "news": told,
        "sent": sending.sent,
        "waiting": sending.waiting,
        "failed": sending.failed,
    }


def teller(door: Door) -> Callable[[Session, News], None]:
    """What writes news down within the transaction of what they tell of: neither is there without the other.

    The next `announce` sends them.
    """
    at, blocks = now(), door.settings.alerts.blocks
    Incidents(door.ledger)  # makes its tables, which would be too late within a transaction

    def tell(session: Session, news: News) -> None:
        _news(door, Book(session, at, blocks), messages.clean(news), at)

    return tell


def _conditions(door: Door, book: Book, conditions: Sequence[Condition], at: datetime) -> dict[str, list[str]]:
    """What has been done about each, written down: keys by what was done."""
    standing = {
        key: Standing(known.headline, cast(Severity, known.severity), known.opened_at, known.last_told_at)
        for key, known in book.standing().items()
    }
    done: dict[str, list[str]] = {name: [] for name in DONE.values()}
    for step in next_steps(map(messages.clean, conditions), standing, at, door.settings.alerts.reminder_hours):
        done[DONE[_write_down(door, book, step, at)]].append(step.condition.key)
    return done


def _write_down(door: Door, book: Book, step: Step, at: datetime) -> Action:
    key, action = step.condition.key, step.action
    # who has not heard of it yet need not be reminded
    unaware = book.unaware(key) if action == "remind" else set()
    if unaware and unaware.issuperset(door.settings.alerts.blocks):
        action = "keep"
    facts = Facts(step.severity, step.headline, step.condition.reasons, step.condition.report)
    if action == "open":
        book.open(key, facts)
    elif action != "close":
        book.keep(key, facts)
    if action != "keep":
        message = messages.of_incident(step, at, _links(door))
        book.say_of(key, DONE[action], message.subject, message.body, but=unaware)
    if action == "close":
        book.close(key)
    return action


def _news(door: Door, book: Book, news: News, at: datetime) -> bool:
    message = messages.of_news(news, at, _links(door))
    said = json.dumps([news.key, news.headline, news.reasons], ensure_ascii=True)
    return book.say(hashlib.sha256(said.encode()).hexdigest(), message.subject, message.body)


def _links(door: Door) -> messages.Link:
    """Reports of the state folder as links that others can follow, where the settings say that they are served."""
    base, reports = door.settings.alerts.reports_url, door.state.reports

    def link(report: str) -> str:
        if base is None or not Path(report).is_relative_to(reports):
            return report
        return f"{base.rstrip('/')}/{quote(Path(report).relative_to(reports).as_posix())}"

    return link


def _send(door: Door, blocks: Sequence[str]) -> Sending:
    """Send what waits, each block the oldest first; one that fails is left alone until the next announcement."""
    sending = Sending()
    if not blocks:
        return sending
    try:
        deliveries = Deliveries(door.ledger)
        sending.waiting = len(deliveries.waiting(blocks, now()))
        if not sending.waiting or not _is_prefect_there():
            return sending
        # of two processes one sends: a message that both found waiting would be sent twice
        with FileLock(door.state.root / "alerts.lock", timeout=WAIT_SECONDS):
            _send_each(deliveries, blocks, sending)
    except Timeout:
        _log(logging.WARNING, "alerts: another process has been sending for a minute; messages wait")
    except Exception as error:
        # whatever it is: a flow must not fail because people cannot be told, and an error's text may hold a secret
        _log(logging.ERROR, f"alerts: sending ended with {type(error).__name__}; messages wait")
    return sending


def _send_each(deliveries: Deliveries, blocks: Sequence[str], sending: Sending) -> None:
    from flows.notification import NotSentError, send  # imports Prefect, which takes a second

    waiting = deliveries.waiting(blocks, now())
    sending.waiting = len(waiting)
    for what in waiting:
        if what.block in sending.failed:
            continue
        try:
            send(what.block, what.subject, what.body)
        except NotSentError as error:
            sending.failed[what.block] = str(error)
            deliveries.failed(what, str(error))
        else:
            deliveries.sent(what, now())
            sending.sent += 1
            sending.waiting -= 1


def send_test(blocks: Sequence[str]) -> dict[str, str | None]:
    """A message through each block; what went wrong with it, or None."""
    from flows.notification import NotSentError, send

    came: dict[str, str | None] = {}
    for block in blocks:
        try:
            send(block, "[aimloop] test", "This is a test: messages about incidents would come this way.")
        except NotSentError as error:
            came[block] = str(error)
        else:
            came[block] = None
    return came


def _is_prefect_there() -> bool:
    """Blocks are kept by a Prefect server: one that is named, or that of the flow that runs."""
    return bool(os.environ.get("PREFECT_API_URL")) or _is_within_a_flow()


def _is_within_a_flow() -> bool:
    if "prefect" not in sys.modules:  # then no flow runs, and commands that need no Prefect stay quick
        return False
    from prefect.context import FlowRunContext, TaskRunContext

    return (FlowRunContext.get() or TaskRunContext.get()) is not None


def _log(level: int, line: str) -> None:
    """Into the flow's log, where one runs."""
    logger: Any = logging.getLogger("aimloop.alerts")
    if _is_within_a_flow():
        from prefect.logging import get_run_logger

        logger = get_run_logger()
    logger.log(level, line)
