"""What a company's data are like, found out without writing anything: the same intake, looked at instead of landed."""

import json
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from infra import contract_sql
from infra.errors import AimloopError
from infra.intake.judgement import UNREAD, Judgement, read_table
from infra.intake.second_reading import RuleCount
from infra.privacy import personal_columns
from infra.raw_contracts import RAW
from infra.settings import Settings
from infra.sources import catalog
from infra.sources.raw_table import RawTable
from infra.sources.rows import quoted
from infra.warehouse import Connection, EngineError, engine

EXAMPLES = 3
_PERSONAL = ("name", "phone", "email", "id_number")


@dataclass(frozen=True)
class SetAside:
    """Rows that would lie in quarantine for one reason, and a few of them (personal details left out)."""

    reason: str
    rows: int
    examples: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class TableInspection:
    """One raw table as it would land; times are naive UTC, null rates shares of the rows read.

    ``masked``: attribute → kind of personal data it looks like; staging masks it, no model sees it.
    """

    table: str
    origin: str
    rows: int = 0
    accepted: int = 0
    first: datetime | None = None
    last: datetime | None = None
    customers: int | None = None
    mapping: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    conversions: tuple[RuleCount, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    null_rates: dict[str, float] = field(default_factory=dict)
    masked: dict[str, str] = field(default_factory=dict)
    problem: str | None = None
    remedy: str | None = None


def inspect(settings: Settings, now: datetime) -> list[TableInspection]:
    """Every table that the source fills, in the order of the raw contract; nothing is written.

    A table that cannot be read says so in ``problem``, and the others are inspected all the same.

    Raises:
        AimloopError: the source itself cannot be opened.
    """
    tables = catalog.find(settings.source).tables(settings)
    judgement = Judgement(settings.cleaning, now)
    with tempfile.TemporaryDirectory(prefix="aimloop-") as spill, engine(Path(spill)) as connection:
        return [
            _inspect_table(connection, settings, name, inputs, judgement)
            for name in RAW
            if (inputs := [table for table in tables if table.name == name])
        ]


def _inspect_table(
    connection: Connection, settings: Settings, name: str, inputs: list[RawTable], judgement: Judgement
) -> TableInspection:
    origin = ", ".join(table.origin for table in inputs if table.origin) or settings.source
    try:
        conversions = read_table(connection, name, inputs, judgement)
        masked = personal_columns.judge(connection, name, settings.privacy)
    except AimloopError as error:
        return TableInspection(name, origin, problem=error.what, remedy=error.remedy)
    except EngineError as error:
        kind = type(error).__name__
        return TableInspection(
            name, origin, problem=f"cannot be read ({kind})", remedy="check the files it is read from"
        )
    given = _given(connection, inputs)
    event_time = contract_sql.event_time(RAW[name])
    accepted_ones = "FILTER (reason IS NULL)"
    times = f"min({event_time}) {accepted_ones}, max({event_time}) {accepted_ones}" if event_time else "NULL, NULL"
    people = (
        f"count(DISTINCT customer_id) {accepted_ones}" if "customer_id" in contract_sql.columns(RAW[name]) else "NULL"
    )
    unread = (connection.execute(f"SELECT count(*) FROM {UNREAD}").fetchone() or (0,))[0]
    read, accepted, first, last, customers = connection.execute(
        f"SELECT count(*), count(*) {accepted_ones}, {times}, {people} FROM incoming"
    ).fetchone() or (0, 0, None, None, None)
    return TableInspection(
        table=name,
        origin=origin,
        rows=read + unread,
        accepted=accepted,
        first=first,
        last=last,
        customers=customers,
        mapping={ours: theirs for table in inputs for ours, theirs in table.mapping.items()},
        types={column: sql_type.lower() for column, sql_type in contract_sql.columns(RAW[name]).items()},
        conversions=tuple(conversions),
        set_aside=(*_set_aside(connection, name, given), *_unread(connection)),
        null_rates=_null_rates(connection, given) if read else {},
        masked={found.column: found.kind for found in masked},
    )


def _given(connection: Connection, inputs: list[RawTable]) -> list[str]:
    """The columns that the inputs have, of those that are kept."""
    described = (connection.execute(f"DESCRIBE {table.relation}").fetchall() for table in inputs)
    names = dict.fromkeys(row[0] for rows in described for row in rows)
    return [name for name in names if not name.startswith("given_")]


def _null_rates(connection: Connection, columns: list[str]) -> dict[str, float]:
    shares = ", ".join(f"1 - count({quoted(column)}) / count(*)" for column in columns)
    found = connection.execute(f"SELECT {shares} FROM incoming").fetchone() or ()
    return {column: round(share, 4) for column, share in zip(columns, found, strict=True)}


def _set_aside(connection: Connection, name: str, given: list[str]) -> list[SetAside]:
    reasons = connection.execute(
        "SELECT reason, count(*) FROM incoming WHERE reason IS NOT NULL GROUP BY reason ORDER BY 2 DESC, 1"
    ).fetchall()
    texts = {row[0] for row in connection.execute("DESCRIBE incoming").fetchall() if row[0].startswith("given_")}
    kept = [column for column in given if column not in _PERSONAL and not column.startswith("attr_")]
    shown = {
        c: (f'coalesce("given_{c}", {quoted(c)}::VARCHAR)' if f"given_{c}" in texts else f"{quoted(c)}::VARCHAR")
        + f" AS {quoted(c)}"
        for c in kept
    }
    result = []
    for reason, rows in reasons:
        columns = ", ".join(sql for c, sql in shown.items() if reason != f"{c}: {personal_columns.STRAY}")
        found = connection.execute(
            f"SELECT to_json(x) FROM (SELECT {columns} FROM incoming WHERE reason = $reason LIMIT {EXAMPLES}) x",
            {"reason": reason},
        )
        result.append(SetAside(reason, rows, tuple(json.loads(row[0]) for row in found.fetchall())))
    return result


def _unread(connection: Connection) -> list[SetAside]:
    problems = connection.execute(f"SELECT problem, count(*) FROM {UNREAD} GROUP BY problem ORDER BY 2 DESC").fetchall()
    result = []
    for problem, rows in problems:
        places = connection.execute(
            f"SELECT place FROM {UNREAD} WHERE problem = $problem LIMIT {EXAMPLES}", {"problem": problem}
        ).fetchall()
        result.append(SetAside(f"line: {problem}", rows, tuple({"line": place} for (place,) in places)))
    return result


# ── which parts of the loop these data can feed ───────────────────────────────────────────────


@dataclass(frozen=True)
class Part:
    """A part of the loop, whether these data feed it, and why or what is missing."""

    name: str
    is_fed: bool
    word: str


def parts_fed(tables: list[TableInspection], settings: Settings) -> list[Part]:
    """What would run on these data."""
    found = {table.table: table for table in tables if table.problem is None and table.accepted}
    orders, customers = found.get("orders"), found.get("customers")
    days = (orders.last - orders.first).days if orders and orders.first and orders.last else 0
    needed = {"churn": 7 + 2 * settings.churn_horizon_days + 56, "clv": 42 + 2 * settings.clv_horizon_days}
    rates = customers.null_rates if customers else {}
    known = {column for column, rate in rates.items() if rate < 1}
    masked = customers.masked if customers else {}
    attributes = sorted(column for column in known if column.startswith("attr_") and column not in masked)
    contact = [column for column in ("email", "phone") if column in known]
    return [
        Part("segmentation", bool(orders), "orders" if orders else "needs orders: customer, time, amount"),
        Part("customer value features", bool(orders), "orders" if orders else "needs orders"),
        Part("churn", days >= needed["churn"], _days_word(days, needed["churn"])),
        Part("customer lifetime value", days >= needed["clv"], _days_word(days, needed["clv"])),
        Part(
            "click-through (CTR)", "impressions" in found, _table_word(found, "impressions", "what was shown to whom")
        ),
        Part("products", "products" in found, _table_word(found, "products", "categories and brands of articles")),
        Part(
            "campaign results",
            {"campaigns", "contacts"} <= set(found),
            _table_word(found, "contacts", "who got which campaign"),
        ),
        Part(
            "attributes in the models",
            bool(attributes),
            ", ".join(attributes) or "needs customers with further columns",
        ),
        Part(
            "audiences by e-mail or phone", bool(contact), ", ".join(contact) or "needs customers with email or phone"
        ),
        Part("drift", bool(orders), "orders" if orders else "needs orders"),
    ]


def _days_word(days: int, needed: int) -> str:
    return f"orders over {days} days" + ("" if days >= needed else f", {needed} are needed")


def _table_word(found: dict[str, TableInspection], name: str, what: str) -> str:
    return f"{found[name].accepted:,} rows" if name in found else f"needs {name}: {what}"
