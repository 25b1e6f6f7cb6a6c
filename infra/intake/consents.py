"""What customers answered about their data and from when that was known: ``raw.consents``, carried from zone to zone.

A company's export says what holds today; a cycle that looks back must act on what held then. So each landing
adds a row for every customer whose answers differ from the last known ones, and drops none.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from infra.intake.raw_zone import explained_damage
from infra.keys import Keys
from infra.sources.raw_table import RawTable
from infra.state import State
from infra.warehouse import Connection, attach_encrypted

QUESTIONS = ("consent_marketing", "consent_profiling")


def record(
    connection: Connection, state: State, keys: Keys, customers: Sequence[RawTable], now: datetime | None
) -> None:
    """Make ``raw.consents`` from that of the zone before and the ``raw.customers`` just landed.

    An answer is ``granted``, ``denied`` or ``unanswered`` (an empty cell), and NULL where the company has never
    kept the question. An export without a column of the question says nothing: what was known stays.
    A first answer is known from the row's own ``landed_at``; another one from that if it is later than what was
    known, else from the end of the data, where cycles stand, or ``now`` (naive UTC) if that is earlier.
    """
    connection.execute(
        "CREATE TABLE raw.consents "
        "(customer_id VARCHAR, landed_at TIMESTAMP, consent_marketing VARCHAR, consent_profiling VARCHAR)"
    )
    _carry(connection, state, keys)
    described = (connection.execute(f"DESCRIBE {table.relation}").fetchall() for table in customers)
    given = {row[0] for columns in described for row in columns}
    answers = ", ".join(f"{_answer(question, given)} AS {question}" for question in QUESTIONS)
    changed = " OR ".join(f"now.{question} IS DISTINCT FROM known.{question}" for question in QUESTIONS)
    connection.execute(
        f"""CREATE TEMP TABLE answers AS
            WITH known AS (
                FROM raw.consents QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY landed_at DESC) = 1
            ),
            now AS (
                SELECT customers.customer_id, customers.landed_at, {answers}
                FROM raw.customers LEFT JOIN known USING (customer_id)
            ),
            here AS (
                SELECT least($now::TIMESTAMP, date_trunc('day', max(ordered_at)) + INTERVAL 1 DAY) AS instant
                FROM raw.orders
            )
            SELECT
                now.* REPLACE (
                    CASE WHEN known.landed_at IS NULL OR now.landed_at > known.landed_at THEN now.landed_at
                         ELSE greatest(known.landed_at, here.instant) END AS landed_at
                )
            FROM now LEFT JOIN known USING (customer_id) CROSS JOIN here
            WHERE known.customer_id IS NULL OR {changed}""",
        {"now": now},
    )
    # of two answers known from one instant the later one counts
    connection.execute(
        "DELETE FROM raw.consents WHERE (customer_id, landed_at) IN (SELECT customer_id, landed_at FROM answers)"
    )
    connection.execute("INSERT INTO raw.consents FROM answers")
    connection.execute("DROP TABLE answers")


def _answer(question: str, given: Collection[str]) -> str:
    if question not in given:
        return f"known.{question}"
    return f"CASE customers.{question} WHEN true THEN 'granted' WHEN false THEN 'denied' ELSE 'unanswered' END"


def _carry(connection: Connection, state: State, keys: Keys) -> None:
    if not state.raw_zone.exists():
        return
    with explained_damage(state.raw_zone):
        attach_encrypted(connection, state.raw_zone, "before", keys.storage, read_only=True)
        tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'before'").fetchall()
        if ("consents",) in tables:  # not in zones of earlier code
            connection.execute("INSERT INTO raw.consents FROM before.consents")
        connection.execute("DETACH before")
