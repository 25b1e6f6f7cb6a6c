"""Deliveries: which messages wait for which notification block, and what became of each.

A message is noted as sent after it was: where a crash falls between the two it is sent again, never lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from infra.incident_rows import TABLES, DeliveryRow, IncidentRow, MessageRow
from infra.ledger import Ledger
from infra.ledger_rows import Base

# A block that has been broken for longer tells people about now when it works again, not about last month.
GIVE_UP_AFTER = timedelta(days=7)


@dataclass(frozen=True)
class Waiting:
    """A message that a block has still to send."""

    message_id: int
    block: str
    subject: str
    body: str


class Deliveries:
    """What waits to be sent, of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        Base.metadata.create_all(ledger.engine, tables=TABLES)

    def waiting(self, blocks: Sequence[str], now: datetime) -> list[Waiting]:
        """The oldest first; what has waited for more than `GIVE_UP_AFTER` is given up and noted as such."""
        query = (
            select(DeliveryRow, MessageRow)
            .join(MessageRow)
            .where(DeliveryRow.block.in_(blocks), DeliveryRow.sent_at.is_(None), DeliveryRow.given_up_at.is_(None))
            .order_by(MessageRow.id, DeliveryRow.block)
        )
        found = []
        with self._ledger.transaction() as session:
            for delivery, message in session.execute(query):
                if now - message.written_at > GIVE_UP_AFTER:
                    delivery.given_up_at = now
                else:
                    found.append(Waiting(message.id, delivery.block, message.subject, message.body))
        return found

    def sent(self, what: Waiting, now: datetime) -> None:
        """It got through: from now on the hours until a reminder count."""
        with self._ledger.transaction() as session:
            delivery = session.get_one(DeliveryRow, (what.message_id, what.block))
            delivery.sent_at, delivery.failure, delivery.tries = now, None, delivery.tries + 1
            message = session.get_one(MessageRow, what.message_id)
            if message.incident_id is not None:
                incident = session.get_one(IncidentRow, message.incident_id)
                incident.last_told_at = max(incident.last_told_at, now)

    def failed(self, what: Waiting, why: str) -> None:
        """It did not get through; it waits for the next announcement."""
        with self._ledger.transaction() as session:
            delivery = session.get_one(DeliveryRow, (what.message_id, what.block))
            delivery.failure, delivery.tries = why, delivery.tries + 1
