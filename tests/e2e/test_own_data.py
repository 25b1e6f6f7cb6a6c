"""A company's own export, as exports are: `aimloop init` and `aimloop run`, nothing else. Orders and customers only."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from infra.ledger import Ledger
from tests.conftest import Aimloop

DIRT = [
    "9000001;1.0;31.10.2017 09:00;12,00;POST;1",  # postage
    "9000002;gast;31.10.2017 09:00;12,00;99;1",  # nobody
    "9000003;1;gestern;12,00;99;1",
    "9000004;1;31.10.2017 09:00;0,00;99;1",
    "9000005;1;31.10.2017",  # cut short
]


@dataclass(frozen=True)
class Shop:
    folder: Path
    init: subprocess.CompletedProcess[str]
    status: dict[str, Any]
    stderr: str
    lines: int


@pytest.fixture(scope="module")
def shop(slice_folder: Path, prefect_server: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """German exports: orders with dirt in them, and customers with an attribute of the company's own."""
    folder = tmp_path_factory.mktemp("shop")
    with duckdb.connect() as connection:
        connection.execute(
            f"""COPY (SELECT basket_id AS Bestellnummer, household_id || '.0' AS Kundennummer,
                         strftime(transaction_timestamp, '%d.%m.%Y %H:%M') AS Bestelldatum,
                         replace(round(sales_value, 2)::VARCHAR, '.', ',') AS Betrag,
                         product_id AS Artikelnummer, quantity AS Menge
                     FROM '{slice_folder}/transactions.parquet' WHERE household_id % 2 = 0 AND quantity > 0
                     AND sales_value > 0)
                TO '{folder}/bestellungen.csv' (HEADER, DELIMITER ';')"""
        )
        connection.execute(
            f"""COPY (SELECT DISTINCT household_id AS Kundennummer, 'kunde' || household_id || '@example.com' AS Email,
                         if(household_id % 3 = 0, 'Gold', 'Silber') AS Kundenkarte
                     FROM '{slice_folder}/transactions.parquet' WHERE household_id % 2 = 0)
                TO '{folder}/kunden.csv' (HEADER, DELIMITER ';')"""
        )
    with (folder / "bestellungen.csv").open("a", encoding="utf-8") as file:
        file.write("\n".join(DIRT) + "\n")
    lines = len((folder / "bestellungen.csv").read_text(encoding="utf-8").splitlines()) - 1
    environ = {k: v for k, v in Aimloop(folder / "state").environ.items() if k != "AIMLOOP_STATE"} | prefect_server

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = Aimloop.command(*arguments)
        return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environ, timeout=300)

    init = call("init", "bestellungen.csv", "kunden.csv")
    assert init.returncode == 0, init.stderr
    run = call("run", "--json")
    assert run.returncode == 0, run.stderr
    return Shop(folder, init, json.loads(run.stdout), run.stderr, lines)


def test_init_writes_a_mapping_that_people_can_read(shop: Shop) -> None:
    text = (shop.folder / "aimloop.toml").read_text(encoding="utf-8")

    assert 'amount = "Betrag"' in text
    assert 'attr_kundenkarte = "Kundenkarte"' in text
    assert "aimloop inspect" in shop.init.stdout


def test_every_line_is_accounted_for(shop: Shop) -> None:
    orders = shop.status["rows"]["orders"]

    assert orders["read"] == shop.lines
    assert orders["read"] == orders["accepted"] + orders["quarantined"] + orders["suppressed"]
    reasons = {row["reason"]: row["rows"] for row in shop.status["quarantine"] if row["table_name"] == "orders"}
    assert reasons.pop("duplicate of another line in every column", 0) < 0.01 * shop.lines
    assert reasons == {
        "product_id: not a product (postage, fee, adjustment)": 1,
        "customer_id: stands for nobody in particular": 1,
        "ordered_at: not a timestamp": 1,
        "amount: zero, and no discount explains it": 1,
        "line: missing columns": 1,
    }


def test_the_report_says_what_was_read_how(shop: Shop) -> None:
    rules = {(rule["column_name"], rule["rule"]) for rule in shop.status["rules"] if rule["table_name"] == "orders"}

    assert {("ordered_at", "day first"), ("amount", "decimal comma"), ("customer_id", "whole number id")} <= rules


def test_what_orders_feed_runs_and_the_rest_says_why_not(shop: Shop) -> None:
    models = shop.status["models"]

    assert models["segmentation"]["tag"]
    assert models["churn"]["tag"]
    assert models["ctr"]["tag"] is None
    assert models["ctr"]["line"] == "skipped: needs impressions, and the data hold none"
    assert shop.status["drift"] is not None


def test_ids_meet_across_files_and_the_attribute_reaches_the_models(shop: Shop) -> None:
    (generation,) = (shop.folder / ".aimloop").rglob(f"{shop.status['cycle']['id']}.duckdb")
    with duckdb.connect(str(generation), read_only=True) as connection:
        cards = connection.execute(
            "SELECT attr_kundenkarte, count(*) FROM marts.customer_profiles GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    assert [card for card, _ in cards] == ["Gold", "Silber"]
    (champion,) = [v for v in Ledger(shop.folder / ".aimloop" / "ledger.sqlite").versions() if v.model == "churn"]
    assert "attr_kundenkarte" in champion.report["features"]
