"""Audiences: customers chosen by what a published cycle says of them, under the company's own ids.

A mart knows pseudonyms only; the crosswalk of the raw zone leads back. Consent is asked twice: as it stood
at the cycle's ``as_of``, and by the latest answer that has landed since. Everything is opened read-only, and
the engine may touch nothing else once the user's condition is read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pandas as pd

from infra.errors import AimloopError
from infra.expressions import checked_expression, checked_order
from infra.intake.raw_zone import explained_damage
from infra.keys import Keys
from infra.sources.rows import quoted, sql_text
from infra.state import State
from infra.warehouse import Connection, EngineError, Generation, QueryMistake, attach_encrypted, engine

ADDRESS = {"email": "email", "phone": "phone", "sms": "phone"}
"""The contact detail that a channel needs; another channel needs none."""

REVENUE = ("expected_revenue_90d", "expected_revenue_low", "expected_revenue_high")
SCORES = ("segment", "rfm", "churn_probability", "risk_band", "contact_day", *REVENUE, "best_products")
_VALUES_SHOWN = 12


@dataclass(frozen=True)
class Choice:
    """A column that an audience may be chosen by: its type, and values as they are written in a condition."""

    column: str
    type: str
    values: tuple[str, ...]
    further_values: int


@dataclass(frozen=True)
class Selection:
    """Customers found, and what became of the others: matched = all the counts together.

    ``rows`` holds customer_id, the scores, and the contact details asked for.
    """

    rows: pd.DataFrame
    matched: int
    not_known: int
    without_consent: int
    without_address: int
    beyond_limit: int

    @property
    def chosen(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Condition:
    """Whom to choose, in the user's words; ``address`` is the contact detail that they must have."""

    where: str
    order_by: str | None = None
    limit: int | None = None
    address: str | None = None
    contact: tuple[str, ...] = ()


@dataclass(frozen=True)
class Audiences:
    """The customers of one generation, open for choosing."""

    connection: Connection
    silence_is_consent: bool

    @classmethod
    @contextmanager
    def open(
        cls, state: State, keys: Keys, generation: Generation, *, silence_is_consent: bool
    ) -> Iterator["Audiences"]:
        """Raises:
        AimloopError: the generation holds no scores or no consents.
        """
        with engine(state.raw_zone.parent / "spill") as connection, explained_damage(state.raw_zone):
            connection.execute(f"ATTACH {sql_text(generation.path)} AS warehouse (READ_ONLY)")
            attach_encrypted(connection, state.raw_zone, "raw", keys.storage, read_only=True)
            tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'warehouse'")
            missing = {"scores", "customer_profiles", "customer_consents"} - {name for (name,) in tables.fetchall()}
            if missing:
                raise AimloopError(f"the published cycle holds no {min(missing)}", "run a cycle: `aimloop run`")
            connection.execute(
                f"""CREATE TEMP VIEW candidates AS
                    SELECT scores.* EXCLUDE (cycle_id, as_of),
                           profiles.* EXCLUDE ({", ".join(_not_asked_for(connection))})
                    FROM warehouse.marts.scores AS scores
                    INNER JOIN warehouse.marts.customer_profiles AS profiles USING (pseudonym)
                    WHERE scores.cycle_id = {sql_text(generation.name)}"""
            )
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield cls(connection, silence_is_consent)

    def columns(self) -> dict[str, str]:
        """What may be asked for: name and type."""
        described = self.connection.execute("DESCRIBE candidates").fetchall()
        return {row[0]: row[1] for row in described if row[0] != "pseudonym"}

    def choices(self) -> list[Choice]:
        """Every column with its most frequent texts and how many customers have each, or the span of its numbers."""
        return [self._choice(column, sql_type) for column, sql_type in self.columns().items()]

    def _choice(self, column: str, sql_type: str) -> Choice:
        name = quoted(column)
        if sql_type not in ("VARCHAR", "BOOLEAN"):
            span = self.connection.execute(
                f"SELECT min({name}), median({name}), max({name}) FROM candidates WHERE {name} IS NOT NULL"
            ).fetchone() or (None, None, None)
            return Choice(column, sql_type, tuple(_literal(v) for v in span if v is not None), 0)
        counted = self.connection.execute(
            f"SELECT {name}, count(*) AS customers FROM candidates WHERE {name} IS NOT NULL "
            f"GROUP BY ALL ORDER BY customers DESC, {name}"
        ).fetchall()
        shown = counted if len(counted) <= _VALUES_SHOWN else counted[:3]
        values = tuple(f"{_literal(value)} ({customers:,})" for value, customers in shown)
        return Choice(column, sql_type, values, len(counted) - len(shown))

    def select(self, condition: Condition) -> Selection:
        """Choose customers.

        Raises:
            AimloopError: the condition or the order cannot be read; says where and what was probably meant.
        """
        where = checked_expression(condition.where, self.columns(), "--where")
        order = checked_order(condition.order_by, self.columns(), "--order-by") + ", " if condition.order_by else ""
        self._require_truth(where)
        scores = [name for name in SCORES if name in self.columns()]  # a cycle of older code has fewer
        with _explained("--where or --order-by"):
            self.connection.execute(
                f"CREATE OR REPLACE TEMP TABLE matched AS "
                f"SELECT pseudonym, {', '.join(scores)}, row_number() OVER (ORDER BY {order} pseudonym) AS position "
                f"FROM candidates WHERE {where}"
            )
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE judged AS {self._judged(condition.address)}")
        counts = dict(self.connection.execute("SELECT fate, count(*) FROM judged GROUP BY fate").fetchall())
        limit = f"LIMIT {int(condition.limit)}" if condition.limit is not None else ""
        columns = ("customer_id", *condition.contact, *scores)
        rows = self.connection.execute(
            f"SELECT {', '.join(columns)} FROM judged WHERE fate = 'reachable' ORDER BY position {limit}"
        ).df()
        return Selection(
            rows,
            matched=sum(counts.values()),
            beyond_limit=counts.get("reachable", 0) - len(rows),
            **{fate: counts.get(fate, 0) for fate in ("not_known", "without_consent", "without_address")},
        )

    def _judged(self, address: str | None) -> str:
        """Everyone who matched, with the company's id, contact details, and what stands in the way."""
        refused = ["denied"] if self.silence_is_consent else ["denied", "unanswered"]
        refusals = ", ".join(sql_text(answer) for answer in refused)
        has_address = f"trim(coalesce(customers.{address}, '')) <> ''" if address else "true"
        return f"""
            WITH latest AS (
                FROM raw.consents QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY landed_at DESC) = 1
            )
            SELECT
                matched.*, crosswalk.customer_id, customers.name, customers.phone, customers.email,
                CASE
                    WHEN crosswalk.customer_id IS NULL THEN 'not_known'
                    WHEN coalesce(consents.may_receive_marketing, false) IS FALSE
                         OR coalesce(latest.consent_marketing IN ({refusals}), false)
                         OR coalesce(latest.consent_profiling IN ({refusals}), false) THEN 'without_consent'
                    WHEN NOT ({has_address}) THEN 'without_address'
                    ELSE 'reachable'
                END AS fate
            FROM matched
            LEFT JOIN raw.crosswalk AS crosswalk USING (pseudonym)
            LEFT JOIN warehouse.marts.customer_consents AS consents USING (pseudonym)
            LEFT JOIN latest ON crosswalk.customer_id = latest.customer_id
            LEFT JOIN raw.customers AS customers ON crosswalk.customer_id = customers.customer_id
        """

    def _require_truth(self, where: str) -> None:
        with _explained("--where"):
            (described,) = self.connection.execute(f"DESCRIBE SELECT ({where}) FROM candidates").fetchall()
        if described[1] != "BOOLEAN":
            raise AimloopError(
                f"--where: {where} is no condition, its values are of type {described[1].lower()}",
                "compare it with something, such as: churn_probability > 0.5",
            )


@contextmanager
def _explained(place: str) -> Iterator[None]:
    """What the engine says of a condition that it cannot compute; its words on data may quote a customer's."""
    try:
        yield
    except QueryMistake as mistake:
        first = str(mistake).splitlines()[0]
        raise AimloopError(f"{place}: {first}", "compare texts with texts and numbers with numbers") from None
    except EngineError as error:
        raise AimloopError(
            f"{place}: a customer's value does not fit it ({type(error).__name__})",
            "compare texts with texts ('3') and numbers with numbers; try_cast leaves out what does not fit",
        ) from None


def _not_asked_for(connection: Connection) -> list[str]:
    """Columns of the profiles that are the cycle's own, or repeat others under the names they have in impressions."""
    described = connection.execute("DESCRIBE warehouse.marts.customer_profiles").fetchall()
    return ["pseudonym", "snapshot_at", *(quoted(row[0]) for row in described if row[0].startswith("customer_"))]


def _literal(value: object) -> str:
    if isinstance(value, str):
        return sql_text(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def contact_columns(channel: str | None) -> tuple[str, ...]:
    """The contact details that a channel needs and no others; all of them where that is not known."""
    address = ADDRESS.get(channel or "")
    return ("name", address) if address else ("name", "phone", "email")
