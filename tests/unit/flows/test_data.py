"""Bring one's own data: what init writes is what run reads, and inspect looks without writing."""

import os
import sqlite3
from pathlib import Path

import pytest

from flows.data import look, write_configuration
from infra.errors import AimloopError
from infra.settings import load
from infra.sources import company

EXPORT = """\
Rechnungsnr;Kundennummer;Bestelldatum;Betrag;Artikelnummer;Menge
1;17850.0;01.12.2010 08:26;1.234,50;85123A;6
1;17850.0;01.12.2010 08:26;1.234,50;85123A;6
3;gast;13.12.2010 09:00;12,00;22720;1
4;12583;14.12.2010;18,00;POST;1
6;12583;heute;3,50;7;1
7;12583;1291377600;3,50;7;1
8;12583;15.12.2010;0,00;7;1
9;12583;16.12.2099;4,00;7;1
10;12583;16.12.2010
"""


def write(file: Path, content: str, encoding: str = "utf-8") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding=encoding)
    return file


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with a German export of orders."""
    write(tmp_path / "export.csv", EXPORT, "cp1252")
    return tmp_path


def configure(folder: Path, *paths: str, force: bool = False) -> str:
    os.chdir(folder)
    assert write_configuration(paths, folder, {}, force=force).is_complete
    return (folder / "aimloop.toml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _come_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_is_written_is_read_as_settings(shop: Path) -> None:
    configure(shop, "export.csv")

    settings = load({}, shop)

    assert settings.source == "company"
    assert settings.tables["orders"][0].columns["amount"] == "Betrag"


def test_inspect_says_what_would_land_and_what_not(shop: Path) -> None:
    configure(shop, "export.csv")

    (orders,) = look({}, shop, None).tables

    assert (orders.rows, orders.accepted) == (9, 2)
    assert {(rule.column_name, rule.rule, rule.rows) for rule in orders.conversions} == {
        ("customer_id", "whole number id", 2),
        ("ordered_at", "day first", 6),
        ("ordered_at", "epoch seconds", 1),
        ("amount", "decimal comma", 8),
    }
    assert {(aside.reason, aside.rows) for aside in orders.set_aside} == {
        ("duplicate of another line in every column", 1),
        ("customer_id: stands for nobody in particular", 1),
        ("product_id: not a product (postage, fee, adjustment)", 1),
        ("ordered_at: not a timestamp", 1),
        ("amount: zero, and no discount explains it", 1),
        ("ordered_at: later than the landing (clock skew)", 1),
        ("line: missing columns", 1),
    }
    examples = {aside.reason: aside.examples for aside in orders.set_aside}
    assert examples["ordered_at: not a timestamp"][0]["ordered_at"] == "heute"
    assert examples["line: missing columns"] == ({"line": "export.csv:10"},)


def test_inspect_writes_nothing(shop: Path) -> None:
    configure(shop, "export.csv")
    before = sorted(shop.rglob("*"))

    look({}, shop, None)

    assert sorted(shop.rglob("*")) == before


def test_inspect_says_which_parts_of_the_loop_the_data_feed(shop: Path) -> None:
    configure(shop, "export.csv")

    fed = {part.name: part.is_fed for part in look({}, shop, None).parts}

    assert fed["segmentation"]
    assert not fed["churn"]
    assert not fed["click-through (CTR)"]


def test_a_table_that_cannot_land_does_not_hide_the_others(shop: Path) -> None:
    configure(shop, "export.csv")
    with (shop / "aimloop.toml").open("a", encoding="utf-8") as config:
        config.write('[tables.products]\nfiles = "export.csv"\n[tables.products.columns]\ncategory = "Menge"\n')

    orders, products = look({}, shop, None).tables

    assert orders.problem is None
    assert "lacks the required column 'product_id'" in (products.problem or "")


def test_files_of_the_same_columns_become_one_pattern(tmp_path: Path) -> None:
    for month in (1, 2, 11):
        write(tmp_path / "in" / f"orders-2017-{month:02}.csv", f"customer,time,amount\nann,2017-{month:02}-01,5\n")
    write(tmp_path / "in" / "people.csv", "customer,city\nann,Ulm\nbob,Bonn\n")

    text = configure(tmp_path, "in")

    assert 'files = "in/orders-2017-*.csv"' in text
    assert 'files = "in/people.csv"' in text
    assert [table.rows for table in look({}, tmp_path, None).tables] == [2, 3]


def test_files_outside_the_folder_get_a_source_of_their_own(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "orders.csv", "customer,time,amount\nann,2017-01-01,5\n")
    (tmp_path / "work").mkdir()

    text = configure(tmp_path / "work", "../elsewhere/orders.csv")

    assert f'folder = "{tmp_path / "elsewhere"}"' in text
    assert look({}, tmp_path / "work", None).tables[0].accepted == 1


def test_an_sqlite_database_is_explored_table_by_table(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.sqlite") as database:
        database.execute("CREATE TABLE sales (client TEXT, sold TEXT, date TEXT, total REAL)")
        database.execute("INSERT INTO sales VALUES ('ann', 'x', '2017-01-02', 3.5)")
        database.execute("CREATE TABLE sensors (temperature REAL)")

    text = configure(tmp_path, "shop.sqlite")

    assert 'kind = "sqlite"' in text
    assert "not used: main.sensors" in text
    assert look({}, tmp_path, None).tables[0].accepted == 1


def test_a_time_that_may_be_read_in_two_ways_is_asked_about(tmp_path: Path) -> None:
    write(tmp_path / "orders.csv", "customer,time,amount\nann,03/04/2017,5\nbob,05/06/2017,6\n")

    text = configure(tmp_path, "orders.csv")

    assert "# day_first = true   # nothing in time shows" in text
    (orders,) = look({}, tmp_path, None).tables
    assert {a.reason for a in orders.set_aside} == {"ordered_at: day or month first? Set day_first"}
    (tmp_path / "aimloop.toml").write_text(text.replace("# day_first = true", "day_first = true"), encoding="utf-8")
    (orders,) = look({}, tmp_path, None).tables
    assert orders.accepted == 2
    assert str(orders.first) == "2017-04-03 00:00:00"


def test_an_incomplete_guess_is_written_with_what_is_missing(tmp_path: Path) -> None:
    write(tmp_path / "orders.csv", "customer,when,amount\nann,2017-01-01,5\n")

    result = write_configuration(["orders.csv"], tmp_path, {}, force=False)

    assert not result.is_complete
    assert '# ordered_at = "…"   # required, and not found' in result.file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("nowhere.csv", "nowhere.csv does not exist"),
        ("sensors.csv", "nothing there looks like orders: sensors.csv has sensor, temperature"),
        ("notes.docx", "is of no kind that can be read"),
        ("postgres://ann:secret1@host/shop", "the address of the database holds a password"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_written(tmp_path: Path, path: str, what: str) -> None:
    write(tmp_path / "sensors.csv", "sensor,temperature\na,20\n")
    write(tmp_path / "notes.docx", "x")

    with pytest.raises(AimloopError) as caught:
        write_configuration([path], tmp_path, {}, force=False)

    assert what in caught.value.what
    assert "secret1" not in str(caught.value)
    assert not (tmp_path / "aimloop.toml").exists()


def test_a_file_that_is_there_is_not_replaced_unless_asked(shop: Path) -> None:
    configure(shop, "export.csv")

    with pytest.raises(AimloopError, match="is there already"):
        write_configuration(["export.csv"], shop, {}, force=False)
    configure(shop, "export.csv", force=True)


def test_the_fingerprint_follows_the_data_and_the_mapping(shop: Path) -> None:
    text = configure(shop, "export.csv")
    first = company.fingerprint(load({}, shop))

    assert company.fingerprint(load({}, shop)) == first
    write(shop / "export.csv", EXPORT.replace("12,00", "13,00"), "cp1252")
    second = company.fingerprint(load({}, shop))
    (shop / "aimloop.toml").write_text(text.replace('quantity = "Menge"\n', ""), encoding="utf-8")
    assert len({first, second, company.fingerprint(load({}, shop))}) == 3


def test_inspect_says_what_landing_would_refuse_or_set_aside_as_personal(shop: Path) -> None:
    rows = "".join(f"{n};{n % 7 + 1};2010-12-0{n % 9 + 1};5,00;{{}}\n" for n in range(40))
    head = "order_id;customer_id;ordered_at;amount;channel\n"
    write(shop / "full.csv", head + rows.format(*[f"ann{n}@example.com" for n in range(40)]))
    write(shop / "stray.csv", head + rows.format(*["shop"] * 39, "ann@example.com"))

    configure(shop, "full.csv")
    (full,) = look({}, shop, None).tables
    configure(shop, "stray.csv", force=True)
    (stray,) = look({}, shop, None).tables

    assert full.problem == "100% of the values in orders.channel look like e-mail addresses"
    assert stray.rows - stray.accepted == 1
    (aside,) = stray.set_aside
    assert aside.reason.startswith("channel: looks like")
    assert aside.examples[0]["customer_id"] == "5"
    assert "ann@example.com" not in str(stray)
