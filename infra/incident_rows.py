"""What the ledger writes down of alerts: incidents, what was said of them, and to whom it got through."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from infra.ledger_rows import Base


class IncidentRow(Base):
    """Something that is wrong, until it is well again; of a key one at a time is open."""

    __tablename__ = "incidents"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    key: Mapped[str] = mapped_column(index=True)
    opened_at: Mapped[datetime]
    severity: Mapped[str]
    headline: Mapped[str]
    reasons: Mapped[list[str]] = mapped_column(JSON)
    report: Mapped[str | None]
    last_told_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    __table_args__ = (Index("one_open_incident_a_key", "key", unique=True, sqlite_where=text("closed_at IS NULL")),)


class MessageRow(Base):
    """What people are told: of an incident, or news that stand for themselves; ``identity`` tells news apart."""

    __tablename__ = "messages"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id"), index=True)
    kind: Mapped[str]
    identity: Mapped[str | None] = mapped_column(unique=True)
    written_at: Mapped[datetime]
    subject: Mapped[str]
    body: Mapped[str]


class DeliveryRow(Base):
    """A message on its way through one notification block: it waits until it is sent or given up."""

    __tablename__ = "deliveries"
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"), primary_key=True)
    block: Mapped[str] = mapped_column(primary_key=True)
    sent_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    tries: Mapped[int]
    failure: Mapped[str | None]


TABLES = [Base.metadata.tables[row.__tablename__] for row in (IncidentRow, MessageRow, DeliveryRow)]
