"""The catalogue and the lineage of the real project: compiled against empty tables, as `aimloop lineage` does."""

import json
from pathlib import Path
from unittest.mock import Mock, call

import pandas as pd
import pytest
from typer.testing import CliRunner

from flows.catalogue import described, project_lineage
from flows.cli import app
from flows.context import Door, open_door
from flows.publish import PUBLISHED
from flows.watch import CURRENT_ROWS
from infra import warehouse
from infra.catalogue import project
from infra.catalogue.lineage import Lineage, Ref
from infra.catalogue.project import Compiled
from infra.catalogue.sql_lineage import read_lineage, table_name
from infra.errors import AimloopError
from infra.intake import landing
from infra.raw_contracts import RAW
from infra.settings import load
from models import catalog


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    settings = load({}, tmp_path_factory.mktemp("nothing"))
    return project.compile_project(settings, attributes=["attr_club"])


@pytest.fixture(scope="module")
def lineage(compiled: Compiled) -> Lineage:
    return read_lineage(compiled)


def beginnings(lineage: Lineage, name: str) -> set[str]:
    (ref,) = lineage.find(name)
    return {str(source) for source in lineage.beginnings(ref)}


# ── the catalogue ─────────────────────────────────────────────────────────────────────────────


def test_every_column_is_described_and_every_described_column_is_there(compiled: Compiled, lineage: Lineage) -> None:
    """Columns that a company brings itself (attr_…) have no description of ours."""
    nodes = [*compiled.manifest["sources"].values(), *compiled.manifest["nodes"].values()]
    tables = {table_name(node): node for node in nodes if node["resource_type"] in ("source", "seed", "model")}
    assert set(tables) == set(lineage.tables)
    assert {f"raw.{name}" for name in RAW} < set(tables)
    for name, node in tables.items():
        assert node["description"], name
        told = {column for column, facts in node["columns"].items() if facts["description"]}
        there = {column for column in lineage.tables[name].columns if "attr_" not in column}
        assert told == there, f"{name}: without description {there - told}, described but absent {told - there}"


def test_models_services_and_reports_stand_in_the_catalogue(lineage: Lineage) -> None:
    readers = {reader.name: reader for reader in lineage.readers}
    for name, entry in catalog.MODELS.items():
        assert readers[name].kind == "ml"
        assert entry.table in readers[name].tables
    services = [reader for reader in lineage.readers if reader.name.startswith("service_")]
    served = {table for reader in services for table in reader.tables}
    assert served == set(PUBLISHED.values())
    assert set(readers["audiences"].tables) == {"customer_profiles", "customer_consents"}
    looked_at = {table for _, table, _ in CURRENT_ROWS.values()}
    assert set(readers["drift_reports"].tables) == looked_at | {entry.table for entry in catalog.MODELS.values()}
    read = {table for reader in lineage.readers for table in reader.tables}
    built_on = {source.table for t in lineage.tables.values() for column in t.columns.values() for source in column}
    marts = {table.name for table in lineage.tables.values() if table.layer == "marts"}
    assert marts <= read | built_on


# ── lineage ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("column", "expected", "tables"),
    [
        # renamed three times on the way
        ("impression_features.customer_amount_56d", {"raw.orders.amount", "raw.orders.ordered_at"}, {"orders"}),
        # through a window over a grouped query, behind an as-of join
        (
            "impression_features.customer_category_affinity",
            {"raw.orders.ordered_at", "raw.impressions.shown_at"},
            {"orders", "impressions"},
        ),
        # through `exclude` and two stars
        (
            "product_candidates.product_click_ratio",
            {"raw.impressions.clicked", "raw.impressions.sampling_weight"},
            {"impressions"},
        ),
        # one side of a full outer join from either table
        (
            "channel_results.channel",
            {"raw.impressions.channel", "raw.campaigns.channel"},
            {"impressions", "campaigns"},
        ),
        # count(*) has no column: it begins with rows
        (
            "channel_results.contacts",
            {"rows of raw.contacts", "rows of raw.campaigns", "rows of raw.crosswalk"},
            {"contacts", "campaigns"},
        ),
        # and the one row that tells as_of, in the same query, is no row to count
        ("customer_product_affinity.customer_product_orders", {"rows of raw.orders"}, {"orders"}),
        # through `select *`, a company's own column
        ("churn_examples.attr_club", {"raw.customers.attr_club"}, {"customers"}),
        # through a macro, from either of two columns and the snapshot, which begins with the orders
        (
            "customer_features.age_band",
            {"raw.customers.age_band", "raw.customers.birth_date"},
            {"customers", "orders"},
        ),
        ("stg_customers.phone_masked", {"raw.customers.phone"}, {"customers"}),
    ],
)
def test_where_a_column_begins(lineage: Lineage, column: str, expected: set[str], tables: set[str]) -> None:
    found = beginnings(lineage, column)
    assert expected <= found
    assert "rows of cycle" not in found
    begun_in = {name.removeprefix("rows of ").split(".")[1] for name in found if "raw." in name}
    assert begun_in - {"crosswalk", "consents", "products"} == tables


def test_every_column_of_the_marts_begins_somewhere(lineage: Lineage) -> None:
    for table in lineage.tables.values():
        for column in table.columns:
            if table.layer == "marts":
                assert lineage.beginnings(Ref(table.name, column)), f"{table.name}.{column}"


def test_the_rows_of_a_label_are_chosen_by_what_it_does_not_hold(lineage: Lineage) -> None:
    """Whether a customer ordered again is decided in a join: no value of an order is in the label."""
    (ref,) = lineage.find("churn_labels.churned")
    assert beginnings(lineage, "churn_labels.churned") == {"raw.crosswalk.pseudonym"}
    assert Ref("raw.orders", "ordered_at") in lineage.choosers(ref)
    assert "churn_labels" in lineage.chosen(Ref("raw.orders", "ordered_at"))
    assert lineage.chosen(Ref("raw.customers", "region")) == []


def test_the_money_of_a_label_begins_at_the_orders(lineage: Lineage) -> None:
    assert "raw.orders.amount" in beginnings(lineage, "clv_labels.revenue")
    (ref,) = lineage.find("clv_labels.revenue")
    assert Ref("raw.orders", "ordered_at") in lineage.choosers(ref)


def test_what_a_raw_column_feeds(lineage: Lineage) -> None:
    (ref,) = lineage.find("raw.orders.discount")
    facts = described(lineage, ref, {"churn": {"discount_84d_ratio"}, "segmentation": {"orders_84d"}})
    assert facts["feeds"] == [
        "churn_examples.discount_84d_ratio",
        "clv_examples.discount_84d_ratio",
        "customer_features.discount_84d_ratio",
        "customer_profiles.customer_discount_84d_ratio",
        "customer_profiles.discount_84d_ratio",
        "impression_features.customer_discount_84d_ratio",
        "product_candidates.customer_discount_84d_ratio",
    ]
    readers = {reader["name"]: reader for reader in facts["read_by"]}
    assert readers["churn"]["features"] == ["discount_84d_ratio"]
    assert readers["segmentation"]["features"] == []
    assert readers["service_churn"]["features"] is None
    assert "scores" in readers
    assert "service_plan" not in readers


def test_a_bare_name_means_every_mart_that_has_it_and_a_wrong_one_the_nearest(lineage: Lineage) -> None:
    assert {str(ref) for ref in lineage.find("orders_56d")} >= {
        "customer_features.orders_56d",
        "churn_examples.orders_56d",
        "customer_profiles.orders_56d",
    }
    assert [str(ref) for ref in lineage.find("Raw.Orders.Amount ")] == ["raw.orders.amount"]
    assert {ref.table for ref in lineage.find("email_masked")} == {"stg_customers"}
    with pytest.raises(AimloopError, match=r"customer_features.orders_65d") as unknown:
        lineage.find("customer_features.orders_65d")
    assert "did you mean customer_features.orders_56d" in unknown.value.remedy


def test_the_kept_graph_is_the_same_graph(lineage: Lineage) -> None:
    kept = Lineage.from_json(json.loads(json.dumps(lineage.to_json())))
    assert (kept.tables, kept.readers) == (lineage.tables, lineage.readers)


# ── the command ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: Compiled) -> Door:
    """A state folder with a published generation that has an attribute; compiling is counted, not done again."""
    monkeypatch.setenv("AIMLOOP_STATE", str(tmp_path / "state"))
    opened = open_door()
    generation = warehouse.start_generation(opened.state, "g", pd.Timestamp("2017-12-04"))
    generation.execute("CREATE SCHEMA staging")
    generation.execute("CREATE TABLE staging.stg_customers (pseudonym VARCHAR, attr_club VARCHAR)")
    warehouse.finish(opened.state, "g")
    warehouse.publish(opened.state, "g")
    monkeypatch.setattr(project, "compile_project", Mock(return_value=compiled))
    return opened


def test_the_graph_is_read_once_until_the_attributes_change(door: Door) -> None:
    first, again = project_lineage(door), project_lineage(door)
    assert first.tables == again.tables
    assert project.compile_project.call_args_list == [call(door.settings, ["attr_club"])]  # type: ignore[attr-defined]
    warehouse.generation(door.state, "g").execute("ALTER TABLE staging.stg_customers ADD COLUMN attr_pets VARCHAR")
    project_lineage(door)
    assert project.compile_project.call_count == 2  # type: ignore[attr-defined]


def test_the_command_draws_the_tree_and_tells_programs_the_same(door: Door) -> None:
    shown = CliRunner().invoke(app, ["lineage", "customer_features.orders_56d"])
    assert shown.exit_code == 0
    assert "dbt_project/models/intermediate/int_orders.sql" in shown.output
    assert "─ raw.orders.ordered_at" in shown.output
    assert shown.output.count("see above") >= 1
    told = json.loads(CliRunner().invoke(app, ["lineage", "churn_examples.attr_club", "--json"]).stdout)
    (facts,) = told["columns"]
    assert facts["begins_with"] == ["raw.customers.attr_club"]
    assert facts["from"] == ["customer_features.attr_club"]
    assert CliRunner().invoke(app, ["lineage", "nonsense"]).exit_code == 2


# ── the page ──────────────────────────────────────────────────────────────────────────────────


def test_the_documentation_is_one_page_that_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "docs" / "index.html"
    land = Mock(wraps=landing.land)
    monkeypatch.setattr(landing, "land", land)
    key = "the company's own storage key"
    project.document(load({"AIMLOOP_STORAGE_KEY": key}, tmp_path), page)
    text = page.read_text(encoding="utf-8")
    used = land.call_args.args[1].storage
    assert used != key  # nobody's key, and even that is not on the page
    assert used not in text
    assert '"send_anonymous_usage_stats": false' in text  # the page's own tracking is switched by it
    for word in ("customer_features", "days_since_last_order", "drift_reports", "birth_date"):
        assert word in text
    for loaded in ('<script src="http', '<link href="http', '$.get("http'):
        assert loaded not in text
    assert [path.name for path in page.parent.iterdir()] == ["index.html"]
