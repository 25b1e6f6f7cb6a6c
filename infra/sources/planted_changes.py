"""Known changes in a copy of the Complete Journey's files, to see what notices them, and when.

What happened before the instant stays as it was, byte for byte of every value; what is drawn, is drawn by hash, so that
the same change is the same rows again.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pandas as pd

from infra.settings import Settings
from infra.sources.complete_journey import paths
from infra.sources.rows import sql_text

# Half of all baskets are missing: every product keeps its share, customers come half as often.
_COVARIATE = "SELECT * FROM lines WHERE transaction_timestamp < {at} OR hash(basket_id) % 2 = 0"

# In each store and week the placed products of two departments change places by rank of what they sell: who took one
# takes the other. So what was clicked there becomes clicked here, and the rate of clicks stays.
_CONCEPT = """
    WITH chosen AS (
        SELECT department, row_number() OVER (ORDER BY count(*) DESC) AS place
        FROM lines JOIN {products} USING (product_id) GROUP BY department QUALIFY place IN (1, 2)
    ),
    ranked AS (
        SELECT p.product_id, c.place, count(l.product_id) AS sold
        FROM {products} p JOIN chosen c USING (department) LEFT JOIN lines l USING (product_id) GROUP BY ALL
    ),
    placed AS (
        SELECT store_id, week, product_id, place, row_number() OVER (
                   PARTITION BY store_id, week, place ORDER BY sold DESC, product_id) AS rank
        FROM (SELECT DISTINCT store_id, week, product_id FROM {promotions}
              SEMI JOIN (SELECT DISTINCT store_id, week FROM lines) USING (store_id, week))
        JOIN ranked USING (product_id)
    ),
    other AS (
        SELECT a.store_id, a.week, a.product_id, b.product_id AS instead
        FROM placed a JOIN placed b ON (a.store_id, a.week, a.rank) = (b.store_id, b.week, b.rank)
        WHERE a.place <> b.place
    )
    SELECT lines.* REPLACE (
        CASE WHEN transaction_timestamp >= {at} THEN coalesce(instead, lines.product_id) ELSE lines.product_id END
        AS product_id)
    FROM lines LEFT JOIN other USING (store_id, week, product_id)"""

# Of all amounts a tenth is missing, and another tenth a thousand times too large.
_QUALITY = """
    SELECT * REPLACE (
        CASE WHEN transaction_timestamp < {at} THEN sales_value
             WHEN hash(basket_id, product_id) % 10 = 0 THEN NULL
             WHEN hash(basket_id, product_id) % 10 = 1 THEN 1000 * sales_value
             ELSE sales_value END AS sales_value)
    FROM lines"""

_CHANGES: Mapping[str, str] = {"covariate": _COVARIATE, "concept": _CONCEPT, "quality": _QUALITY}


def plant(settings: Settings, changes: Sequence[tuple[str, pd.Timestamp]], folder: Path) -> None:
    """Write the source's files into ``folder``, with each change from its instant (UTC) on; others are linked.

    Raises:
        AimloopError: a file of the source is missing or damaged.
    """
    files = paths(settings)
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in files.items():
        if name != "transactions":
            link = folder / f"{name}.parquet"
            link.unlink(missing_ok=True)
            link.symlink_to(path.resolve())
    read = {name: f"read_parquet({sql_text(path)})" for name, path in files.items()}
    fresh = folder / "transactions.fresh"
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE lines AS SELECT row_number() OVER () AS line, * FROM {read['transactions']}")
        for kind, at in changes:
            instant = f"TIMESTAMP '{at:%Y-%m-%d %H:%M:%S}'"
            changed = _CHANGES[kind].format(at=instant, **{n: read[n] for n in ("products", "promotions")})
            connection.execute(f"CREATE TABLE changed AS FROM ({changed})")
            connection.execute("DROP TABLE lines")
            connection.execute("ALTER TABLE changed RENAME TO lines")
        rows = "SELECT * EXCLUDE (line) FROM lines ORDER BY line"
        connection.execute(f"COPY ({rows}) TO {sql_text(fresh)} (FORMAT parquet)")
    fresh.replace(folder / "transactions.parquet")
