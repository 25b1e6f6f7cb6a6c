"""Generations of the warehouse: how they begin, are published and dropped, and how tables go in and out."""

import os
from pathlib import Path

import pandas as pd
import pytest

from infra import warehouse
from infra.state import State
from infra.warehouse import Generation, building, generation

AS_OF = pd.Timestamp("2017-12-04 06:00")


def names(state: State) -> set[str]:
    return {path.name for path in state.warehouse.iterdir()}


def tables(generation: Generation) -> set[str]:
    return set(generation.query("SELECT table_name FROM duckdb_tables()")["table_name"])


def build(state: State, name: str, *, age: int = 0) -> Generation:
    """A finished generation that was written ``age`` hours ago."""
    warehouse.start_generation(state, name, AS_OF)
    finished = warehouse.finish(state, name)
    os.utime(finished.path, (1_600_000_000 - 3600 * age,) * 2)
    return finished


# ── generations ───────────────────────────────────────────────────────────────────────────────


def test_a_new_generation_knows_its_name_and_as_of_and_nothing_else(state: State) -> None:
    fresh = warehouse.start_generation(state, "g1", AS_OF)

    assert fresh.path.name == "next.building.duckdb"
    assert fresh.query("SELECT cycle_id, as_of FROM cycle").to_dict("records") == [{"cycle_id": "g1", "as_of": AS_OF}]
    assert fresh.query("SELECT base_cycle_id FROM cycle WHERE base_as_of IS NULL")["base_cycle_id"].isna().all()
    assert tables(fresh) == {"cycle", "base_digests"}


def test_an_as_of_with_a_zone_is_kept_in_utc(state: State) -> None:
    fresh = warehouse.start_generation(state, "g1", pd.Timestamp("2017-12-04 06:00", tz="Asia/Shanghai"))

    assert fresh.query("SELECT as_of FROM cycle")["as_of"].tolist() == [pd.Timestamp("2017-12-03 22:00")]


def test_what_an_interrupted_run_left_of_a_generation_is_dropped(state: State) -> None:
    warehouse.start_generation(state, "g1", AS_OF).execute("CREATE TABLE half_done AS SELECT 1 AS a")
    (state.warehouse / "next.building.duckdb.wal").write_bytes(b"half a log")

    fresh = warehouse.start_generation(state, "g1", AS_OF)

    assert tables(fresh) == {"cycle", "base_digests"}
    assert names(state) == {"next.building.duckdb"}


def test_one_generation_is_built_at_a_time_and_finished_ones_are_left_alone(state: State) -> None:
    build(state, "g1")
    warehouse.start_generation(state, "g2", AS_OF)

    fresh = warehouse.start_generation(state, "g3", AS_OF)

    assert names(state) == {"g1.duckdb", "next.building.duckdb"}
    assert fresh.query("SELECT cycle_id FROM cycle")["cycle_id"].tolist() == ["g3"]


def test_a_finished_generation_takes_its_final_name_and_the_place_of_an_earlier_one(state: State) -> None:
    build(state, "g1")
    warehouse.start_generation(state, "g1", AS_OF).execute("CREATE TABLE later AS SELECT 1 AS a")

    finished = warehouse.finish(state, "g1")

    assert (finished.name, names(state)) == ("g1", {"g1.duckdb"})
    assert finished.query("SELECT a FROM later")["a"].tolist() == [1]


def test_a_discarded_generation_leaves_no_log_behind(state: State) -> None:
    built = build(state, "g1")
    (state.warehouse / "g1.duckdb.wal").write_bytes(b"half a log")

    warehouse.discard(built)
    warehouse.discard(built)

    assert names(state) == set()


# ── publishing ────────────────────────────────────────────────────────────────────────────────


def test_before_the_first_cycle_nothing_is_published(state: State) -> None:
    build(state, "g1")

    assert warehouse.published(state) is None


def test_readers_are_pointed_to_what_was_published_last(state: State) -> None:
    for name in ("g1", "g2", "g1"):
        build(state, name)
        warehouse.publish(state, name)
        assert warehouse.published(state) == generation(state, name)


def test_publishing_keeps_the_last_two_generations(state: State) -> None:
    for age, name in enumerate(["g4", "g3", "g2", "g1"]):
        build(state, name, age=age)

    warehouse.publish(state, "g4")

    assert names(state) == {"g4.duckdb", "g3.duckdb", "current"}


@pytest.mark.parametrize(
    ("keep", "kept"), [(1, {"g3"}), (2, {"g3", "g2"}), (3, {"g3", "g2", "g1"}), (9, {"g3", "g2", "g1"})]
)
def test_as_many_generations_are_kept_as_asked_for(state: State, keep: int, kept: set[str]) -> None:
    for age, name in enumerate(["g3", "g2", "g1"]):
        build(state, name, age=age)

    warehouse.publish(state, "g3", keep=keep)

    assert {path.stem for path in state.warehouse.glob("*.duckdb")} == kept


def test_the_published_generation_is_kept_however_old_its_file(state: State) -> None:
    for age, name in enumerate(["g3", "g2", "g1"]):
        build(state, name, age=age)

    warehouse.publish(state, "g1", keep=1)

    assert (state.warehouse / "g1.duckdb").exists()


def test_what_readers_were_pointed_to_until_now_is_kept_however_many_were_made_since(state: State) -> None:
    """A watch makes a generation a day and publishes none of them: they go, what is being read stays."""
    for age, name in enumerate(["sunday", "saturday", "friday", "monday"]):
        build(state, name, age=age)
    warehouse.publish(state, "monday", keep=9)

    warehouse.drop_old(state)
    assert names(state) == {"sunday.duckdb", "saturday.duckdb", "monday.duckdb", "current"}

    warehouse.publish(state, "sunday", keep=1)
    assert names(state) == {"sunday.duckdb", "monday.duckdb", "current"}


def test_a_generation_that_is_being_built_is_not_dropped(state: State) -> None:
    for age, name in enumerate(["g3", "g2", "g1"]):
        build(state, name, age=age)
    os.utime(warehouse.start_generation(state, "g9", AS_OF).path, (0, 0))

    warehouse.publish(state, "g3")

    assert {path.name for path in state.warehouse.glob("*.duckdb")} == {
        "g3.duckdb",
        "g2.duckdb",
        "next.building.duckdb",
    }


def test_a_generation_that_is_being_built_takes_no_place_of_a_finished_one(state: State) -> None:
    for age, name in enumerate(["g2", "g1"]):
        build(state, name, age=age)
    warehouse.start_generation(state, "g9", AS_OF)

    warehouse.publish(state, "g2", keep=2)

    assert (state.warehouse / "g1.duckdb").exists()


def test_who_reads_an_old_generation_reads_on_while_it_is_dropped(state: State) -> None:
    old = build(state, "g1", age=1)
    build(state, "g2")

    with warehouse.engine(state.warehouse / "spill", old.path, read_only=True) as reader:
        warehouse.publish(state, "g2", keep=1)
        assert not old.path.exists()
        assert reader.execute("SELECT cycle_id FROM cycle").fetchall() == [("g1",)]


# ── small things ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("value", "literal"), [("a", "'a'"), ("it's", "'it''s'"), (Path("a/b"), "'a/b'"), (3, "'3'")])
def test_a_value_becomes_a_literal(value: object, literal: str) -> None:
    assert warehouse.sql_text(value) == literal


def test_where_a_generation_is_built_is_not_where_it_is_read(state: State) -> None:
    assert building(state).path != generation(state, "g").path
