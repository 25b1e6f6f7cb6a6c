"""Tables from real servers (PostgreSQL, MariaDB, an S3-compatible store) and SQLite, by settings alone."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from servers import PASSWORD, free_port, mariadb, object_store, postgres

from infra.errors import AimloopError
from infra.intake.cleaning_rules import NO_PRODUCT, NOBODY, ZERO
from infra.intake.landing import land
from infra.intake.raw_zone import Landing, open_raw_zone
from infra.keys import Keys
from infra.sections import SourceSettings
from infra.settings import Settings, load
from infra.sources import company, databases
from infra.state import State

KEYS = Keys("a storage key", b"a pseudonym key")
ROW = "order_id, customer_id, ordered_at, amount, product_id"
TWO = [
    ("1", "ann", datetime(2017, 3, 1, 9), 1234.5, "85123"),
    ("2", "00017", datetime(2017, 3, 2, 10, 0, 0, 500000), -6.25, None),
]


class Shop:
    """A folder with an aimloop.toml, and what its environment says."""

    def __init__(self, folder: Path, toml: str, **environ: str) -> None:
        self.folder, self.environ = folder, environ
        (folder / "aimloop.toml").write_text(toml, encoding="utf-8")
        self.state = State(folder / "state").open()

    @property
    def settings(self) -> Settings:
        return load(self.environ, self.folder)

    def land(self) -> Landing:
        settings = self.settings
        tables = company.tables(settings)
        return land(self.state, KEYS, tables, company.fingerprint(settings), settings.cleaning)[1]

    def rows(self, sql: str) -> list[tuple]:
        with open_raw_zone(self.state, KEYS) as connection:
            return connection.execute(sql).fetchall()

    def reasons(self) -> list[str]:
        return [row[0] for row in self.rows("SELECT reason FROM raw.quarantine ORDER BY reason")]

    def assert_password_is_nowhere(self) -> None:
        """Neither in the bytes of the state folder nor in any cell of the raw zone."""
        for path in self.state.root.rglob("*"):
            assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path
        with open_raw_zone(self.state, KEYS) as connection:
            tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'raw'").fetchall()
            for (table,) in tables:
                assert PASSWORD not in str(connection.execute(f"FROM raw.{table}").fetchall()), table


def refusal(shop: Shop) -> str:
    with pytest.raises(AimloopError) as caught:
        shop.land()
    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None
    assert [path.name for path in shop.state.raw_zone.parent.iterdir()] == []
    return str(caught.value)


# ── PostgreSQL ────────────────────────────────────────────────────────────────────────────────

POSTGRES = """\
CREATE SCHEMA shop;
CREATE TABLE shop.orders (no integer, who text, bought timestamptz, price numeric(12,3), pieces integer, article text);
INSERT INTO shop.orders VALUES (1, 'ann', '2017-03-01 10:00+01', 617.25, 2, '85123.0'), \
(2, '00017', '2017-03-02 10:00:00.5+00', -6.25, 1, NULL), (3, 'guest', '2017-03-02', 1, 1, 'p'), \
(4, 'bob', NULL, 1, 1, 'p'), (5, 'bob', '2017-03-02', NULL, 1, 'p'), (6, 'bob', '2017-03-02', 'NaN', 1, 'p'), \
(7, 'bob', 'infinity', 1, 1, 'p'), (8, 'bob', '2017-03-02', 1, 0, 'POST');
CREATE VIEW shop.paid AS SELECT no AS order_id, who AS customer_id, bought AS ordered_at, price * pieces AS amount, \
article AS product_id FROM shop.orders WHERE no < 3;
GRANT USAGE ON SCHEMA shop TO reader;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO reader;
"""
MAPPING = """
[tables.orders]
source = "shop"
table = "{table}"
[tables.orders.columns]
order_id = "no"
customer_id = "who"
ordered_at = "bought"
amount = "price * pieces"
product_id = "article"
"""


@pytest.fixture(scope="module")
def postgres_port() -> Iterator[int]:
    with postgres(POSTGRES) as port:
        yield port


def postgres_shop(folder: Path, port: int, tables: str, password: str = PASSWORD) -> Shop:
    toml = f'[sources.shop]\nkind = "postgres"\nport = {port}\ndatabase = "postgres"\nuser = "reader"\n{tables}'
    return Shop(folder, toml, AIMLOOP_SOURCES__SHOP__PASSWORD=password)


def test_a_table_of_postgres(postgres_port: int, tmp_path: Path) -> None:
    shop = postgres_shop(tmp_path, postgres_port, MAPPING.format(table="shop.orders"))

    assert shop.land() == Landing("orders", 8, accepted=2, quarantined=6, suppressed=0)
    assert shop.rows(f"SELECT {ROW} FROM raw.orders ORDER BY ALL") == TWO
    assert shop.reasons() == [
        "amount: missing",
        ZERO,  # DuckDB's scanner reads NaN as 0
        NOBODY,
        "ordered_at: missing",
        "ordered_at: not finite",
        NO_PRODUCT,
    ]
    shop.assert_password_is_nowhere()


def test_a_view_of_postgres_needs_no_mapping(postgres_port: int, tmp_path: Path) -> None:
    shop = postgres_shop(tmp_path, postgres_port, '[tables.orders]\nsource = "shop"\ntable = "paid"\n')

    assert shop.land().accepted == 2
    assert shop.rows(f"SELECT {ROW} FROM raw.orders ORDER BY ALL") == TWO


def test_a_wrong_password_is_not_told_to_anybody(postgres_port: int, tmp_path: Path) -> None:
    shop = postgres_shop(tmp_path, postgres_port, MAPPING.format(table="shop.orders"), "not-" + PASSWORD)

    error = refusal(shop)

    assert f"the postgres database of [sources.shop] (localhost:{postgres_port}) cannot be opened" in error
    assert "AIMLOOP_SOURCES__SHOP__PASSWORD" in error


def test_an_engine_that_tells_the_password_is_not_repeated() -> None:
    source = SourceSettings.model_validate({"kind": "postgres", "password": PASSWORD})

    assert databases._without(duckdb.Error(f"no entry for {PASSWORD}\nat all"), source) == "no entry for ***"


def test_an_unknown_table_is_refused_with_the_nearest(postgres_port: int, tmp_path: Path) -> None:
    error = refusal(postgres_shop(tmp_path, postgres_port, MAPPING.format(table="shop.order")))

    assert "[sources.shop] has no table 'shop.order'" in error
    assert "did you mean 'shop.orders'?" in error


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_a_server_that_is_down(tmp_path: Path, kind: str) -> None:
    shop = postgres_shop(tmp_path, free_port(), MAPPING.format(table="orders"))
    toml = (tmp_path / "aimloop.toml").read_text().replace('"postgres"\nport', f'"{kind}"\nport')
    (tmp_path / "aimloop.toml").write_text(toml)

    assert f"the {kind} database of [sources.shop]" in refusal(shop)


def test_new_rows_change_the_fingerprint(postgres_port: int, tmp_path: Path) -> None:
    shop = postgres_shop(tmp_path, postgres_port, MAPPING.format(table="shop.orders"))
    one = company.fingerprint(shop.settings)
    view = postgres_shop(tmp_path, postgres_port, MAPPING.format(table="shop.orders") + 'channel = "who"\n')

    assert company.fingerprint(shop.settings) == company.fingerprint(view.settings) != one


# ── MariaDB ───────────────────────────────────────────────────────────────────────────────────

MARIADB = """\
CREATE DATABASE shop CHARACTER SET utf8mb4;
CREATE TABLE shop.views (id INT, who VARCHAR(20), at DATETIME(3), clicked TINYINT, paid DECIMAL(9,2));
INSERT INTO shop.views VALUES (1, 'änn', '2017-03-26 03:30:00.250', 1, 12.34), (2, 'bob', '2017-07-01', 0, NULL);
INSERT INTO shop.views VALUES (3, 'cyd', '2017-07-01 00:00', 2, 1), (4, NULL, '2017-07-01 00:00', 1, 1);
"""
IMPRESSIONS = """
[tables.impressions]
source = "crm"
table = "shop.views"
time_zone = "Europe/Berlin"
columns = { impression_id = "id", customer_id = "who", shown_at = "at", revenue = "paid" }
"""


@pytest.fixture(scope="module")
def mariadb_port() -> Iterator[int]:
    with mariadb(MARIADB) as port:
        yield port


def mariadb_shop(folder: Path, port: int, password: str = PASSWORD) -> Shop:
    toml = f'[sources.crm]\nkind = "mysql"\nhost = "127.0.0.1"\nport = {port}\ndatabase = "shop"\nuser = "reader"\n'
    return Shop(folder, toml + IMPRESSIONS, AIMLOOP_SOURCES__CRM__PASSWORD=password)


def test_a_table_of_mariadb(mariadb_port: int, tmp_path: Path) -> None:
    shop = mariadb_shop(tmp_path, mariadb_port)

    shop.land()

    assert shop.rows(
        "SELECT impression_id, customer_id, shown_at, clicked, revenue FROM raw.impressions ORDER BY 1"
    ) == [
        ("1", "änn", datetime(2017, 3, 26, 1, 30, 0, 250000), True, 12.34),
        ("2", "bob", datetime(2017, 6, 30, 22), False, None),
    ]
    assert shop.reasons() == ["clicked: not a boolean", "customer_id: missing"]
    shop.assert_password_is_nowhere()


def test_mariadb_refuses_a_wrong_password(mariadb_port: int, tmp_path: Path) -> None:
    assert "the mysql database of [sources.crm]" in refusal(mariadb_shop(tmp_path, mariadb_port, "not-" + PASSWORD))


# ── SQLite ────────────────────────────────────────────────────────────────────────────────────


def test_sqlite_with_any_type_in_any_column(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as connection:
        connection.execute(
            "CREATE TABLE orders (no INTEGER, who, bought TIMESTAMP, price REAL, pieces INTEGER, article)"
        )
        rows = [
            (1, "ann", "2017-03-01 09:00:00", 617.25, 2, 85123.0),
            ("2", "00017", 1488448800.5, "-6.25", 1, None),
            (3, "bob", "soon", 1, 1, "p"),
            (4, "bob", "2017-03-02", "viel", 1, "p"),
            *((n, 12345, "2017-03-02", n, 1, "p") for n in range(5, 15)),
        ]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.commit()
    shop = Shop(tmp_path, '[sources.shop]\nkind = "sqlite"\npath = "shop.sqlite"\n' + MAPPING.format(table="orders"))

    assert shop.land() == Landing("orders", 14, accepted=12, quarantined=2, suppressed=0)
    assert shop.rows(f"SELECT {ROW} FROM raw.orders WHERE order_id < '3' AND length(order_id) = 1 ORDER BY ALL") == TWO
    assert shop.reasons() == ["amount: not a double", "ordered_at: not a timestamp"]


@pytest.mark.parametrize(("content", "what"), [(None, "is missing"), (b"no database at all" * 100, "cannot be opened")])
def test_a_file_that_is_no_sqlite_database(tmp_path: Path, content: bytes | None, what: str) -> None:
    if content:
        (tmp_path / "shop.sqlite").write_bytes(content)

    shop = Shop(tmp_path, '[sources.shop]\nkind = "sqlite"\npath = "shop.sqlite"\n' + MAPPING.format(table="orders"))

    assert what in refusal(shop)


# ── an object store ───────────────────────────────────────────────────────────────────────────

CSV = "order_id,customer_id,ordered_at,amount,product_id\n"
LINES = ["1,ann,2017-03-01 09:00,1234.5,85123.0\n", "2,00017,2017-03-02T10:00:00.5Z,-6.25,\n3,cyd\n"]


def parquet(sql: str, folder: Path) -> bytes:
    duckdb.execute(f"COPY ({sql}) TO '{folder / 'made.parquet'}'")
    return (folder / "made.parquet").read_bytes()


@pytest.fixture(scope="module")
def store_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("objects")
    people = "SELECT 'ann' AS customer_id, 'cat' AS attr_pet"
    objects = {
        "shop/export/2017/a.csv": (CSV + LINES[0]).encode(),
        "shop/export/2017/b.csv": (CSV + LINES[1]).encode(),
        "shop/export/people/a.parquet": parquet(people, folder),
        "shop/export/people/b.parquet": parquet("SELECT 17 AS customer_id, 'north' AS region", folder),
        "shop/secret/c.csv": CSV.encode(),
    }
    with object_store(objects) as port:
        yield port


def store_shop(folder: Path, port: int, pattern: str = "2017/*.csv", bucket: str = "shop") -> Shop:
    toml = f"""
[sources.lake]
folder = "s3://{bucket}/export"
endpoint = "127.0.0.1:{port}"
use_ssl = false
[tables.orders]
source = "lake"
files = "{pattern}"
[tables.customers]
source = "lake"
files = "people/*.parquet"
"""
    keys = {"AIMLOOP_SOURCES__LAKE__ACCESS_KEY": "reader", "AIMLOOP_SOURCES__LAKE__SECRET_KEY": PASSWORD}
    return Shop(folder, toml, **keys)


def test_files_of_an_object_store(store_port: int, tmp_path: Path) -> None:
    shop = store_shop(tmp_path, store_port)

    assert shop.land() == Landing("orders", 3, accepted=2, quarantined=1, suppressed=0)
    assert shop.rows(f"SELECT {ROW} FROM raw.orders ORDER BY ALL") == TWO
    assert shop.rows("SELECT customer_id, region, attr_pet FROM raw.customers ORDER BY ALL") == [
        ("17", "north", None),
        ("ann", None, "cat"),
    ]
    assert shop.reasons() == ["line: missing columns"]
    shop.assert_password_is_nowhere()


@pytest.mark.parametrize(
    ("pattern", "bucket", "what"),
    [
        ("../secret/*.csv", "shop", "leads out of s3://shop/export"),
        ("2018/*.csv", "shop", "no file matches '2018/*.csv' in s3://shop/export"),
        ("2017/*.csv", "nowhere", "s3://nowhere/export"),
    ],
)
def test_what_is_not_there_or_out_of_the_prefix(
    store_port: int, tmp_path: Path, pattern: str, bucket: str, what: str
) -> None:
    assert what in refusal(store_shop(tmp_path, store_port, pattern, bucket))


def test_an_object_store_that_is_down(tmp_path: Path) -> None:
    assert "s3://shop/export" in refusal(store_shop(tmp_path, free_port()))
