"""The rules for rows that are well-formed and still not what they seem; each has a name, a setting and a count.

A row that a rule sets aside lies in quarantine with the rule as its reason. What needs one row alone
is judged as rows are read; what needs all rows (duplicates, absurd amounts) is judged once they are there.
"""

from collections.abc import Sequence

from infra import contract_sql
from infra.raw_contracts import RAW
from infra.sections import Cleaning
from infra.sources.rows import quoted, sql_text
from infra.warehouse import Connection

NOBODY = "customer_id: stands for nobody in particular"
NO_PRODUCT = "product_id: not a product (postage, fee, adjustment)"
ZERO = "amount: zero, and no discount explains it"
ABSURD = "amount: absurd beside all others"
ENDLESS = "{column}: over a million bytes"
SKEWED = "{column}: later than the landing (clock skew)"
DUPLICATE = "duplicate of another line in every column"

_LONGEST_TEXT = 1_000_000


def judge_alone(name: str, cleaning: Cleaning, now: object | None) -> str:
    """SQL of the first rule that sets a row aside, judged by the row alone; NULL for none."""
    columns = contract_sql.columns(RAW[name])
    cases = [
        (f"strlen({quoted(column)}) > {_LONGEST_TEXT}", ENDLESS.format(column=column))
        for column, sql_type in columns.items()
        if sql_type == "VARCHAR" and not column.endswith("_id")
    ]
    if "customer_id" in columns:
        words = dict.fromkeys(word.lower() for word in (*cleaning.unknown_customers, *cleaning.empty_words))
        nobody = ", ".join(map(sql_text, words)) or "NULL"
        cases.append((f"lower(customer_id) IN ({nobody})", NOBODY))
    event_time = contract_sql.event_time(RAW[name])
    if event_time and now is not None:
        cases.append((f"{event_time} > TIMESTAMP {sql_text(now)}", SKEWED.format(column=event_time)))
    if name == "orders":
        cases += [(_is_no_product(cleaning.non_product_ids), NO_PRODUCT)] if cleaning.non_product_ids else []
        if cleaning.zero_amounts == "quarantine":
            cases.append(("amount = 0 AND coalesce(discount, 0) = 0", ZERO))
    if not cases:
        return "CAST(NULL AS VARCHAR)"
    return "CASE " + " ".join(f"WHEN {condition} THEN {sql_text(rule)}" for condition, rule in cases) + " END"


def _is_no_product(patterns: Sequence[str]) -> str:
    likes = " OR ".join(f"product_id ILIKE {sql_text(pattern)}" for pattern in patterns)
    if all(pattern[:1].isalpha() for pattern in patterns):  # most product ids begin with a digit: no need to look
        return f"product_id >= 'A' AND ({likes})"
    return likes


def judge_together(connection: Connection, name: str, cleaning: Cleaning) -> None:
    """Set aside, in ``incoming``, rows that only stand out among all the others."""
    _set_key_duplicates_aside(connection, contract_sql.key(RAW[name]))
    if name == "orders":
        _set_absurd_amounts_aside(connection, cleaning.absurd_amount_factor)
        if cleaning.exact_duplicates == "quarantine" and _can_be_told_apart(connection):
            _set_exact_duplicates_aside(connection)


def _set_key_duplicates_aside(connection: Connection, key: list[str]) -> None:
    if key:
        columns = ", ".join(key)
        _keep_first(connection, columns, f"({columns})", f"{columns}: duplicate")


def _can_be_told_apart(connection: Connection) -> bool:
    """Lines with neither an order id nor a time of day may be alike and still be two purchases of a day."""
    told = "order_id <> strftime(ordered_at, '%Y-%m-%d %H:%M:%S') OR ordered_at <> date_trunc('day', ordered_at)"
    return connection.execute(f"SELECT 1 FROM incoming WHERE {told} LIMIT 1").fetchone() is not None


def _set_exact_duplicates_aside(connection: Connection) -> None:
    """Lines are compared by hash first: few are left to be compared in full."""
    described = connection.execute("DESCRIBE incoming").fetchall()
    own = [row[0] for row in described if not row[0].startswith(("given_", "was_decimal_")) and row[0] != "reason"]
    columns = ", ".join(quoted(column) for column in own)
    _keep_first(connection, columns, f"hash({columns})", DUPLICATE)


def _keep_first(connection: Connection, columns: str, narrowed: str, reason: str) -> None:
    """Of rows that share ``columns`` the first stays; ``narrowed`` is a cheap value that such rows share too."""
    connection.execute(
        f"""UPDATE incoming SET reason = {sql_text(reason)}
            WHERE rowid IN (
                SELECT row_id FROM (
                    SELECT rowid AS row_id, row_number() OVER (PARTITION BY {columns} ORDER BY rowid) AS copy
                    FROM incoming
                    WHERE reason IS NULL AND {narrowed} IN (
                        SELECT {narrowed} FROM incoming WHERE reason IS NULL GROUP BY {narrowed} HAVING count(*) > 1
                    )
                ) WHERE copy > 1)"""
    )


def _set_absurd_amounts_aside(connection: Connection, factor: float) -> None:
    usual = "SELECT quantile_cont(abs(amount), 0.99) FROM incoming WHERE reason IS NULL AND amount <> 0"
    connection.execute(
        f"UPDATE incoming SET reason = {sql_text(ABSURD)} WHERE reason IS NULL AND abs(amount) > {factor} * ({usual})"
    )
