"""Marts built on earlier ones equal a full rebuild, row for row and bit for bit.

One history goes through changes of every kind, each later than the one before: a change that one cycle
overlooks is not put right by chance when the next one computes its snapshots.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infra import base, dbt, warehouse
from infra.erasing import tombstones
from infra.errors import AimloopError
from infra.intake import landing
from infra.keys import Keys, open_keys
from infra.settings import Settings, load
from infra.sources.raw_table import RawTable
from infra.state import State
from infra.warehouse import Generation

Tables = dict[str, pd.DataFrame]

START = pd.Timestamp("2017-01-02")
FIRST = pd.Timestamp("2017-03-15 09:30")  # off the grid
ON_GRID = pd.Timestamp("2017-04-10")
END = pd.Timestamp("2017-05-10 09:30")


def history() -> Tables:
    """Half of the orders and impressions land with a delay; customers and products say nothing of when they landed."""
    random = np.random.default_rng(11)
    n = 700

    def instants() -> pd.Series:
        return pd.Series(START + pd.to_timedelta(random.random(n) * 128, unit="D").round("s"))

    def late(times: pd.Series) -> pd.Series:
        return times + pd.to_timedelta(np.where(random.random(n) < 0.5, random.random(n) * 20, 0), unit="D").round("s")

    orders = pd.DataFrame(
        {
            "order_id": random.integers(0, 500, n).astype(str),
            "customer_id": random.integers(0, 25, n).astype(str),
            "ordered_at": instants(),
            "amount": random.integers(1, 5_000, n) / 100,
            "product_id": random.integers(0, 12, n).astype(str),
            "quantity": np.where(random.random(n) < 0.1, -1.0, 1.0),
        }
    )
    orders["landed_at"] = late(orders["ordered_at"])
    impressions = pd.DataFrame(
        {
            "impression_id": [f"i{i}" for i in range(n)],
            "customer_id": random.integers(0, 25, n).astype(str),
            "shown_at": instants(),
            "clicked": random.random(n) < 0.3,
            "product_id": random.integers(0, 12, n).astype(str),
            "channel": random.choice(["mailer", "display"], n),
            "placement": "front page",
            "sampling_weight": 1 + random.random(n),  # no sum of these is exact in binary
        }
    )
    impressions["landed_at"] = late(impressions["shown_at"])
    numbers = pd.Series(range(25))
    customers = pd.DataFrame({"customer_id": numbers.astype(str), "region": "north", "phone": "5551234567"})
    customers["birth_date"] = pd.Timestamp("1970-02-03") + pd.to_timedelta(numbers * 100, unit="D")
    products = pd.DataFrame({"product_id": [str(i) for i in range(12)], "department": "food", "price": 1.0})
    products["category"] = "c" + (products.index % 4).astype(str)
    # newcomers, each heard of first at another time
    for column, who, day in (
        ("customer_id", "3", "2017-01-18"),
        ("customer_id", "7", "2017-02-01"),
        ("product_id", "7", "2017-02-10"),
    ):
        for table, time in ((orders, "ordered_at"), (impressions, "shown_at")):
            table.loc[(table[column] == who) & (table[time] < pd.Timestamp(day)), column] = "8"
    return {"customers": customers, "orders": orders, "products": products, "impressions": impressions}


# ── what an export may bring ──────────────────────────────────────────────────────────────────


def changed(table: str, where: Callable[[pd.DataFrame], pd.Series], **values: object) -> Callable[[Tables], Tables]:
    def change(tables: Tables) -> Tables:
        frame = tables[table].copy()
        frame.loc[where(frame), list(values)] = list(values.values())
        return {**tables, table: frame}

    return change


def without(customer: str) -> Callable[[Tables], Tables]:
    def change(tables: Tables) -> Tables:
        return {
            name: frame[frame["customer_id"] != customer] if "customer_id" in frame else frame
            for name, frame in tables.items()
        }

    return change


def with_late_line(tables: Tables) -> Tables:
    """A line of an order of March, by a source that does not say when rows landed."""
    line = tables["orders"].iloc[[0]].assign(order_id="late", ordered_at=pd.Timestamp("2017-03-01 12:00"), quantity=1.0)
    return {**tables, "orders": pd.concat([tables["orders"], line.assign(landed_at=line["ordered_at"])])}


def as_it_is(tables: Tables) -> Tables:
    return tables


def shown_late_in_february(frame: pd.DataFrame) -> pd.Series:
    return frame["shown_at"].between(pd.Timestamp("2017-02-21"), pd.Timestamp("2017-02-25"))


# what happens, the as_of of the cycle that follows, the first snapshot that it computes, what it says of late rows
STEPS: list[tuple[Callable[[Tables], Tables], pd.Timestamp, str, str | None]] = [
    (without("3"), FIRST, "2017-01-23", "customers -1, impressions -.*, orders -.*"),
    (changed("customers", lambda f: f["customer_id"] == "7", region="south"), FIRST, "2017-02-06", r"customers \+0"),
    (changed("products", lambda f: f["product_id"] == "7", category="c9"), FIRST, "2017-02-20", r"products \+0"),
    (changed("impressions", shown_late_in_february, clicked=True), FIRST, "2017-02-27", r"impressions \+0"),
    (with_late_line, FIRST, "2017-03-06", r"orders \+1"),
    (changed("products", lambda f: f["product_id"] == "1", price=9.0), ON_GRID, "2017-03-20", None),
    (as_it_is, END, "2017-04-17", None),
]


# ── building ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Workshop:
    """A state folder in which generations are built one after the other."""

    settings: Settings
    state: State
    keys: Keys

    @property
    def recipe(self) -> str:
        return base.recipe(self.state, self.keys, dbt.build_arguments(self.settings))

    def land(self, tables: Tables) -> None:
        raw = [RawTable(name, f"SELECT * FROM {name}_frame", frames={f"{name}_frame": t}) for name, t in tables.items()]
        landing.land(self.state, self.keys, raw, "test")

    def build(self, name: str, as_of: pd.Timestamp, found: Generation | None) -> Generation:
        fresh = warehouse.start_generation(self.state, name, as_of, recipe=self.recipe, base=found)
        with dbt.environment(self.state, fresh, self.keys.storage):
            dbt.run(dbt.build_arguments(self.settings))
        return warehouse.finish(self.state, name)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    folder = tmp_path_factory.mktemp("workshop")
    settings = load({"AIMLOOP_CHURN_HORIZON_DAYS": "28"}, folder, state=folder / "state")
    state = State(settings.state).open()
    return Workshop(settings, state, open_keys(settings, state))


@pytest.fixture(scope="module")
def cycles(workshop: Workshop) -> list[base.Snapshots]:
    """One cycle after the other, each built on the one before; what each says of its snapshots."""
    tables = history()
    workshop.land(tables)
    workshop.build("0", FIRST, None)
    said = []
    for number, (happens, as_of, _, _) in enumerate(STEPS, start=1):
        tables = happens(tables)
        workshop.land(tables)
        found = base.find_base(workshop.state, workshop.recipe, as_of)
        assert found is not None
        assert found.name == str(number - 1)
        said.append(base.snapshots(workshop.build(str(number), as_of, found)))
    return said


@pytest.fixture(scope="module")
def last(workshop: Workshop, cycles: list[base.Snapshots]) -> Generation:
    return warehouse.generation(workshop.state, str(len(cycles)))


@pytest.fixture(scope="module")
def rebuilt(workshop: Workshop, cycles: list[base.Snapshots]) -> Generation:
    """The same data and as_of, all of it computed."""
    return workshop.build("rebuilt", END, None)


def tables_of(generation: Generation) -> dict[str, list[str]]:
    """What dbt built, with columns; what a generation says of its own making is not part of it."""
    columns = generation.query(
        "SELECT schema_name || '.' || table_name AS name, list(column_name ORDER BY column_name) AS columns "
        "FROM duckdb_columns() WHERE schema_name IN ('staging', 'intermediate', 'marts') GROUP BY ALL ORDER BY name"
    )
    found = {row.name: list(row.columns) for row in columns.itertuples(index=False)}
    return {name: columns for name, columns in found.items() if name != "staging.stg_changes"}


# ── tests ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", range(len(STEPS)))
def test_a_cycle_computes_from_the_first_change_on_and_says_why(cycles: list[base.Snapshots], number: int) -> None:
    _, _, since, late_rows = STEPS[number]
    said = cycles[number]
    assert said.since == pd.Timestamp(since)
    assert 0 < said.computed < said.total
    assert said.late_rows is late_rows is None or pd.Series(said.late_rows).str.fullmatch(late_rows).all()


def test_it_says_so_in_one_line(cycles: list[base.Snapshots]) -> None:
    assert [said.line for said in cycles[-3:]] == [
        "3 of 11 snapshots computed (from 2017-03-06 on), 8 taken over; "
        "rows from before 2017-03-15 changed since: orders +1",
        "4 of 14 snapshots computed (from 2017-03-20 on), 10 taken over",
        "5 of 19 snapshots computed (from 2017-04-17 on), 14 taken over",
    ]


def test_marts_built_on_earlier_ones_equal_a_full_rebuild(last: Generation, rebuilt: Generation) -> None:
    assert tables_of(last) == tables_of(rebuilt)
    assert len(tables_of(last)) > 20
    different = {}
    with warehouse.engine(last.path.parent / "spill", last.path, read_only=True) as connection:
        connection.execute(f"ATTACH {warehouse.sql_text(rebuilt.path)} AS rebuilt (READ_ONLY)")
        for name, columns in tables_of(last).items():
            both = [f"SELECT {', '.join(columns)} FROM {table}" for table in (name, f"rebuilt.{name}")]
            rows = [
                len(connection.execute(f"{one} EXCEPT ALL {other}").fetchall()) for one, other in (both, both[::-1])
            ]
            if rows != [0, 0]:
                different[name] = rows
    assert different == {}


def test_dbt_tests_hold_on_marts_built_on_earlier_ones(workshop: Workshop, last: Generation) -> None:
    with dbt.environment(workshop.state, last, workshop.keys.storage):
        few = dbt.run(dbt.test_arguments(workshop.settings))
        each = dbt.run(dbt.each_test_arguments(workshop.settings))
    assert len(few) < 10
    assert len(each) > 100


def test_labels_appear_when_their_horizon_ends(workshop: Workshop, cycles: list[base.Snapshots]) -> None:
    query = "SELECT max(snapshot_at) AS latest FROM marts.churn_labels"
    latest = [warehouse.generation(workshop.state, name).query(query)["latest"][0] for name in ("6", "7")]
    assert latest == [pd.Timestamp("2017-03-13"), pd.Timestamp("2017-04-10")]


# ── which generation is the base ──────────────────────────────────────────────────────────────


def test_looking_back_builds_on_what_was_known_then(workshop: Workshop, rebuilt: Generation) -> None:
    def found(as_of: str) -> str | None:
        generation = base.find_base(workshop.state, workshop.recipe, pd.Timestamp(as_of))
        return generation and generation.name

    assert found("2017-06-01") == "rebuilt"  # of equal ones the newest
    assert found("2017-05-01") == "6"
    assert found("2017-03-14") is None


def test_another_recipe_has_no_base(workshop: Workshop, cycles: list[base.Snapshots]) -> None:
    other = replace(workshop, settings=workshop.settings.model_copy(update={"churn_horizon_days": 56}))
    assert base.find_base(workshop.state, other.recipe, END) is None
    other = replace(workshop, keys=replace(workshop.keys, pseudonym=b"another pseudonym key"))
    assert base.find_base(workshop.state, other.recipe, END) is None


def test_another_attribute_or_an_erased_person_is_another_recipe(workshop: Workshop, rebuilt: Generation) -> None:
    before = workshop.recipe
    tables = history()
    workshop.land({**tables, "customers": tables["customers"].assign(attr_club="gold")})
    assert workshop.recipe != before
    workshop.land(tables)
    assert workshop.recipe == before
    keys = replace(workshop.keys, tombstone=b"a tombstone key of 16 bytes and more")
    tombstones.add(workshop.state, keys, ["3"], datetime(2017, 1, 1))
    assert workshop.recipe != before


def test_a_damaged_generation_is_no_base(workshop: Workshop, last: Generation, rebuilt: Generation) -> None:
    recipe = last.query("SELECT recipe FROM cycle")["recipe"][0]
    assert base.find_base(workshop.state, recipe, END) == rebuilt
    rebuilt.path.write_bytes(b"damaged")
    assert base.find_base(workshop.state, recipe, END) == last


def test_later_steps_tables_are_not_taken_over(workshop: Workshop, last: Generation, tmp_path: Path) -> None:
    last.execute("CREATE TABLE marts.scores AS SELECT 'c1' AS cycle_id")
    fresh = warehouse.start_generation(workshop.state, "next", END, recipe="", base=last)
    left = fresh.query("SELECT table_name FROM duckdb_tables()")["table_name"].tolist()
    assert "scores" not in left
    assert {"customer_features", "channels"} <= set(left)
    assert fresh.query("SELECT base_cycle_id FROM cycle")["base_cycle_id"].tolist() == [last.name]


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        ("UPDATE marts.churn_labels SET churned = NULL WHERE rowid = 0", "not_null_churn_labels_churned"),
        ("INSERT INTO marts.churn_labels FROM marts.churn_labels LIMIT 1", "churn_labels_rule_1"),
        ("INSERT INTO marts.channel_results FROM marts.channel_results LIMIT 1", "unique_channel_results_channel"),
        ("UPDATE marts.customer_features SET orders_14d = orders_28d + 1 WHERE rowid = 0", "customer_features_rule_"),
    ],
)
def test_a_broken_rule_fails_as_one_test_and_is_named_by_its_own(
    workshop: Workshop, last: Generation, tmp_path: Path, damage: str, rule: str
) -> None:
    copy = Generation(tmp_path / last.path.name)
    shutil.copyfile(last.path, copy.path)
    copy.execute(damage)
    with dbt.environment(workshop.state, copy, workshop.keys.storage):
        with pytest.raises(AimloopError, match="tables_keep_their_rules ended with 'fail'"):
            dbt.run([*dbt.test_arguments(workshop.settings), "--select", "tables_keep_their_rules"])
        with pytest.raises(AimloopError, match=rule):
            dbt.run([*dbt.each_test_arguments(workshop.settings), "--select", "marts"])


def test_whoever_is_in_the_crosswalk_twice_is_found(
    workshop: Workshop, last: Generation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "zone.duckdb"
    shutil.copyfile(workshop.state.raw_zone, copy)
    with warehouse.engine(tmp_path / "spill") as connection:
        warehouse.attach_encrypted(connection, copy, "raw", workshop.keys.storage, read_only=False)
        connection.execute("CREATE TABLE raw.twice AS FROM raw.crosswalk UNION ALL FROM raw.crosswalk LIMIT 30")
        connection.execute("DROP TABLE raw.crosswalk")
        connection.execute("ALTER TABLE raw.twice RENAME TO crosswalk")
    with dbt.environment(workshop.state, last, workshop.keys.storage):
        monkeypatch.setenv("MARTS_RAW_ZONE", str(copy))
        with pytest.raises(AimloopError, match="nobody_is_there_twice"):
            dbt.run([*dbt.test_arguments(workshop.settings), "--select", "nobody_is_there_twice"])
