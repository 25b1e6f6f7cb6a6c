"""Incidents: what is wrong, since when, and what was said about it. Of a key at most one is open.

Everything that one announcement changes is one transaction of the ledger, so of two announcers at once one opens an
incident and the other finds it open. Headlines and reasons hold counts and names of models and features, never people.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from infra.incident_rows import TABLES, DeliveryRow, IncidentRow, MessageRow
from infra.ledger import Ledger
from infra.ledger_rows import Base


@dataclass(frozen=True)
class Delivery:
    """Whether a message got through a block: sent, given up, or waiting, with what went wrong the last time."""

    block: str
    sent_at: datetime | None
    given_up_at: datetime | None
    tries: int
    failure: str | None


@dataclass(frozen=True)
class Told:
    """A message, and what became of it in each block."""

    kind: str
    written_at: datetime
    subject: str
    body: str
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True)
class Incident:
    """Something that is or was wrong; ``severity`` is the worst it came to."""

    key: str
    opened_at: datetime
    severity: str
    headline: str
    reasons: tuple[str, ...]
    report: str | None
    last_told_at: datetime
    closed_at: datetime | None
    messages: tuple[Told, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What an announcement says of an incident."""

    severity: str
    headline: str
    reasons: Sequence[str]
    report: str | None


class Book:
    """The open incidents within one transaction; ``blocks`` are who is told."""

    def __init__(self, session: Session, now: datetime, blocks: Sequence[str]) -> None:
        self._session, self._now, self._blocks = session, now, blocks
        query = select(IncidentRow).where(IncidentRow.closed_at.is_(None))
        self._open = {row.key: row for row in session.scalars(query)}

    def standing(self) -> dict[str, Incident]:
        """What is open, by key, without messages."""
        return {key: _incident(row, ()) for key, row in self._open.items()}

    def open(self, key: str, facts: Facts) -> None:
        """Raises:
        sqlalchemy.exc.IntegrityError: one of that key is open.
        """
        row = IncidentRow(key=key, opened_at=self._now, last_told_at=self._now, closed_at=None, **_columns(facts))
        self._session.add(row)
        self._session.flush()
        self._open[key] = row

    def keep(self, key: str, facts: Facts) -> None:
        """It lasts: what is known of it is what is known now."""
        for name, value in _columns(facts).items():
            setattr(self._open[key], name, value)

    def close(self, key: str) -> None:
        self._open.pop(key).closed_at = self._now

    def unaware(self, key: str) -> set[str]:
        """Blocks that have still to send something of an open incident: a reminder would be too much."""
        query = (
            select(DeliveryRow.block)
            .join(MessageRow)
            .where(MessageRow.incident_id == self._open[key].id)
            .where(DeliveryRow.sent_at.is_(None), DeliveryRow.given_up_at.is_(None))
        )
        return set(self._session.scalars(query)) & set(self._blocks)

    def say_of(self, key: str, kind: str, subject: str, body: str, *, but: Collection[str] = ()) -> None:
        """Something about an open incident, for all blocks ``but`` some."""
        row = self._open[key]
        row.last_told_at = self._now
        self._say(MessageRow(incident_id=row.id, kind=kind, identity=None, subject=subject, body=body), but)

    def say(self, identity: str, subject: str, body: str) -> bool:
        """News, for all blocks; False where news of that identity was told before."""
        if self._session.scalars(select(MessageRow).where(MessageRow.identity == identity)).first() is not None:
            return False
        self._say(MessageRow(incident_id=None, kind="news", identity=identity, subject=subject, body=body))
        return True

    def _say(self, message: MessageRow, but: Collection[str] = ()) -> None:
        message.written_at = self._now
        self._session.add(message)
        self._session.flush()
        for block in set(self._blocks) - set(but):
            self._session.add(DeliveryRow(message_id=message.id, block=block, tries=0))


class Incidents:
    """The incidents of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        Base.metadata.create_all(ledger.engine, tables=TABLES)

    @contextmanager
    def book(self, now: datetime, blocks: Sequence[str]) -> Iterator[Book]:
        """One announcement (``now`` is naive UTC): all of it is written down, or nothing.

        Raises:
            AimloopError: others have been writing to the ledger for as long as one waits for them.
        """
        with self._ledger.transaction() as session:
            yield Book(session, now, blocks)

    def all(self, since: datetime | None = None) -> list[Incident]:
        """The latest first, with what was said of each; ``since`` leaves out what was closed before."""
        with Session(self._ledger.engine) as session:
            query = select(IncidentRow).order_by(IncidentRow.opened_at.desc(), IncidentRow.id.desc())
            if since is not None:
                query = query.where(IncidentRow.closed_at.is_(None) | (IncidentRow.closed_at >= since))
            return [_incident(row, _told(session, MessageRow.incident_id == row.id)) for row in session.scalars(query)]

    def news(self, since: datetime | None = None) -> list[Told]:
        """What was told that belongs to no incident, the latest first."""
        with Session(self._ledger.engine) as session:
            told = _told(session, MessageRow.incident_id.is_(None))
        return [each for each in reversed(told) if since is None or each.written_at >= since]


def _columns(facts: Facts) -> dict[str, object]:
    return {
        "severity": facts.severity,
        "headline": facts.headline,
        "reasons": list(facts.reasons),
        "report": facts.report,
    }


def _incident(row: IncidentRow, messages: tuple[Told, ...]) -> Incident:
    return Incident(
        key=row.key,
        opened_at=row.opened_at,
        severity=row.severity,
        headline=row.headline,
        reasons=tuple(row.reasons),
        report=row.report,
        last_told_at=row.last_told_at,
        closed_at=row.closed_at,
        messages=messages,
    )


def _told(session: Session, which: ColumnElement[bool]) -> tuple[Told, ...]:
    told = []
    for row in session.scalars(select(MessageRow).where(which).order_by(MessageRow.id)):
        query = select(DeliveryRow).where(DeliveryRow.message_id == row.id).order_by(DeliveryRow.block)
        deliveries = tuple(
            Delivery(each.block, each.sent_at, each.given_up_at, each.tries, each.failure)
            for each in session.scalars(query)
        )
        told.append(Told(row.kind, row.written_at, row.subject, row.body, deliveries))
    return tuple(told)
