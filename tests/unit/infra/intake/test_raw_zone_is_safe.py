"""The raw zone at rest and in trouble: encrypted, replaced whole or not at all, and erased people stay erased."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from landing_examples import InZone, erase, table_of

from infra.erasing import tombstones
from infra.errors import AimloopError
from infra.intake.landing import land
from infra.intake.raw_zone import Landing, landed, open_raw_zone
from infra.keys import Keys
from infra.sources.raw_table import RawTable
from infra.state import State
from infra.warehouse import EngineError

PLANTED = "Wilhelmina Planted-Name"


def customers(*names: tuple[str, str]) -> RawTable:
    return table_of("customers", ["customer_id", "name"], *names)


def orders(*customer_ids: str) -> RawTable:
    lines = ", ".join(f"('o{n}', '{c}', TIMESTAMP '2017-03-01', 1.0)" for n, c in enumerate(customer_ids))
    return RawTable("orders", f"SELECT * FROM (VALUES {lines}) t(order_id, customer_id, ordered_at, amount)")


# ── erased people ─────────────────────────────────────────────────────────────────────────────


def test_an_erased_person_who_comes_back_is_left_out_everywhere(state: State, keys: Keys, in_zone: InZone) -> None:
    export = [customers(("ann", "Ann"), ("bob", "Bob")), orders("ann", "bob", "ann")]
    land(state, keys, export, "first")
    erase(state, keys, "ann")

    landings = land(state, keys, export, "second")

    assert landings[:2] == [
        Landing("customers", read=2, accepted=1, quarantined=0, suppressed=1),
        Landing("orders", read=3, accepted=1, quarantined=0, suppressed=2),
    ]
    assert (
        in_zone("SELECT customer_id FROM raw.customers UNION ALL SELECT customer_id FROM raw.orders") == [("bob",)] * 2
    )


def test_the_rows_of_an_erased_person_are_not_kept_in_quarantine_either(
    state: State, keys: Keys, in_zone: InZone
) -> None:
    land(state, keys, [], "first")
    erase(state, keys, "ann")
    broken = RawTable("orders", "SELECT 'o1' AS order_id, 'ann' AS customer_id, 'soon' AS ordered_at, 'much' AS amount")

    landings = land(state, keys, [broken, customers(("ann", PLANTED), ("ann", PLANTED))], "second")

    assert landings[:2] == [Landing("customers", 2, 0, 0, suppressed=2), Landing("orders", 1, 0, 0, suppressed=1)]
    assert in_zone("FROM raw.quarantine") == []


def test_erasures_outlast_any_number_of_landings(state: State, keys: Keys, in_zone: InZone) -> None:
    land(state, keys, [], "first")
    erase(state, keys, "ann", "bob")

    for fingerprint in ("second", "third"):
        landings = land(state, keys, [customers(("ann", "Ann"), ("cyd", "Cyd"))], fingerprint)

    assert landings[0] == Landing("customers", 2, accepted=1, quarantined=0, suppressed=1)
    assert set(tombstones.read(state, keys)) == {keys.entomb("ann"), keys.entomb("bob")}


def test_the_crosswalk_forgets_erased_people(state: State, keys: Keys, in_zone: InZone) -> None:
    land(state, keys, [], "first")
    erase(state, keys, "ann")

    land(state, keys, [customers(("ann", "Ann"), ("bob", "Bob"))], "second")

    assert in_zone("SELECT customer_id FROM raw.crosswalk") == [("bob",)]


# ── at rest ───────────────────────────────────────────────────────────────────────────────────


def files_that_hold(text: str, folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_a_name_cannot_be_found_in_the_bytes_of_the_state_folder(state: State, keys: Keys) -> None:
    people = [(str(n), PLANTED) for n in range(3000)]
    land(state, keys, [customers(*people)], "f")
    with duckdb.connect(str(state.root / "plain.duckdb")) as plain:
        plain.execute("CREATE TABLE people AS SELECT ? AS name", [PLANTED])

    assert files_that_hold(PLANTED, state.root) == ["plain.duckdb"]
    assert files_that_hold(keys.storage, state.root) == []


def test_the_zone_does_not_open_without_a_key(state: State, keys: Keys) -> None:
    land(state, keys, [customers(("ann", PLANTED))], "f")

    with pytest.raises(duckdb.Error, match="encrypted"):
        duckdb.connect(str(state.raw_zone), read_only=True)


@pytest.mark.parametrize(
    "use", [lambda state, keys: landed(state, keys, "f"), lambda state, keys: land(state, keys, [], "g")]
)
def test_another_key_is_refused_with_what_to_do(state: State, keys: Keys, use: Callable[[State, Keys], object]) -> None:
    land(state, keys, [], "f")

    with pytest.raises(AimloopError) as caught:
        use(state, Keys("another key", keys.pseudonym))

    assert caught.value.what == f"{state.raw_zone} does not open with this storage key"
    assert "AIMLOOP_STORAGE_KEY" in caught.value.remedy
    assert "another key" not in str(caught.value)
    assert landed(state, keys, "f") is not None


def test_a_key_may_hold_quotes(state: State) -> None:
    keys = Keys("it's a 'key'", b"x")

    assert landed(state, keys, "f") is None
    assert land(state, keys, [], "f") == landed(state, keys, "f")


def test_the_zone_is_opened_for_reading_only(state: State, keys: Keys) -> None:
    land(state, keys, [], "f")

    with open_raw_zone(state, keys) as connection, pytest.raises(EngineError, match="read-only"):
        connection.execute("DELETE FROM raw.orders")


def cut(zone: bytes) -> bytes:
    return zone[:-100]


def emptied(zone: bytes) -> bytes:
    return b""


def with_a_flipped_header(zone: bytes) -> bytes:
    return zone[:100] + bytes([zone[100] ^ 255]) + zone[101:]


def with_a_flipped_block(zone: bytes) -> bytes:
    return zone[:20000] + bytes([zone[20000] ^ 255]) + zone[20001:]


@pytest.mark.parametrize("damage", [cut, emptied, with_a_flipped_header, with_a_flipped_block])
def test_a_damaged_zone_is_refused_with_what_to_do(state: State, keys: Keys, damage: Callable[[bytes], bytes]) -> None:
    land(state, keys, [customers(("ann", "Ann"))], "f")
    state.raw_zone.write_bytes(damage(state.raw_zone.read_bytes()))

    with pytest.raises(AimloopError, match=r"zone\.duckdb"):
        landed(state, keys, "f")


def test_a_mistake_in_a_query_is_not_told_as_damage(state: State, keys: Keys) -> None:
    land(state, keys, [], "f")

    with pytest.raises(EngineError, match="no_such_column"), open_raw_zone(state, keys) as connection:
        connection.execute("SELECT no_such_column FROM raw.orders")


# ── in trouble ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        (
            "SELECT error('the disk ate it') AS order_id, 'a' AS customer_id, now() AS ordered_at, 1 AS amount",
            "InvalidInputException",
        ),
        ("FROM read_parquet('no/such/file.parquet')", "IOException"),
        ("SELECT 'o' AS order_id", "lacks the required column 'customer_id'"),
    ],
)
def test_a_failure_halfway_leaves_the_old_zone_as_it_was(
    state: State, keys: Keys, in_zone: InZone, broken: str, what: str
) -> None:
    before = land(state, keys, [customers(("ann", "Ann"))], "old")
    bytes_before = state.raw_zone.read_bytes()

    with pytest.raises(AimloopError, match=what):
        land(state, keys, [customers(("bob", "Bob")), RawTable("orders", broken)], "new")

    assert state.raw_zone.read_bytes() == bytes_before
    assert (landed(state, keys, "old"), landed(state, keys, "new")) == (before, None)
    assert in_zone("SELECT name FROM raw.customers") == [("Ann",)]


def test_what_an_interrupted_landing_left_does_not_hinder_the_next(state: State, keys: Keys) -> None:
    for leftover in ("zone.building.duckdb", "zone.building.duckdb.wal"):
        (state.raw_zone.parent / leftover).write_bytes(b"half a zone")

    landings = land(state, keys, [customers(("ann", "Ann"))], "f")

    assert landed(state, keys, "f") == landings
    assert [path.name for path in state.raw_zone.parent.iterdir()] == ["zone.duckdb"]


def test_who_reads_the_old_zone_reads_on_while_a_new_one_lands(state: State, keys: Keys) -> None:
    land(state, keys, [customers(("ann", "Ann"))], "old")

    with open_raw_zone(state, keys) as reader:
        land(state, keys, [customers(("bob", "Bob"))], "new")
        assert reader.execute("SELECT name FROM raw.customers").fetchall() == [("Ann",)]
