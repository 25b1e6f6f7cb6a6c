"""Any frame at all: every row read is accepted, set aside or left out, and which one is which is plain to say."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landing_examples import erase, table_of

from infra.intake.landing import land
from infra.intake.raw_zone import Landing, open_raw_zone
from infra.keys import Keys
from infra.state import State

KEYS = Keys("a storage key", b"a pseudonym key", b"a tombstone key")
ERASED = "bob"

examples = settings(max_examples=12, deadline=None, derandomize=True, database=None)

customers = st.tuples(
    st.sampled_from(["ann", "cyd", ERASED, "", None, "x" * 201]),
    st.sampled_from([None, "1", "90", "91", "north", "nan", "inf"]),
)
orders = st.tuples(
    st.sampled_from(["o1", "o2", None, ""]),
    st.sampled_from(["ann", "cyd", ERASED, None]),
    st.sampled_from(["2017-03-01", "2017-03-01 10:00", "soon", None]),
    st.sampled_from(["1", "-1e9", "1e10", "much", "nan", None]),
)


@pytest.fixture(scope="module")
def zone_after_an_erasure(tmp_path_factory: pytest.TempPathFactory) -> State:
    state = State(tmp_path_factory.mktemp("before")).open()
    land(state, KEYS, [], "before")
    erase(state, KEYS, ERASED)
    return state


def land_after(before: State, name: str, columns: list[str], rows: list[tuple]) -> tuple[Landing, list[tuple]]:
    """What became of the table's rows, and those that were accepted, in the columns given."""
    with TemporaryDirectory() as folder:
        state = State(Path(folder)).open()
        shutil.copy(before.raw_zone, state.raw_zone)
        shutil.copytree(before.erasure, state.erasure)
        landings = land(state, KEYS, [table_of(name, columns, *rows)], "after")
        with open_raw_zone(state, KEYS) as connection:
            accepted = connection.execute(f"SELECT {', '.join(columns)} FROM raw.{name} ORDER BY ALL").fetchall()
    return next(landing for landing in landings if landing.table_name == name), accepted


@examples
@given(rows=st.lists(customers, max_size=12))
def test_each_customer_is_accepted_set_aside_or_left_out(zone_after_an_erasure: State, rows: list[tuple]) -> None:
    firsts: dict[str, float | None] = {}
    for customer, latitude in rows:
        if customer in ("ann", "cyd") and latitude in (None, "1", "90"):
            firsts.setdefault(customer, latitude and float(latitude))
    left_out = sum(customer == ERASED for customer, _ in rows)

    landing, accepted = land_after(zone_after_an_erasure, "customers", ["customer_id", "latitude"], rows)

    assert accepted == sorted(firsts.items())
    assert landing == Landing("customers", len(rows), len(firsts), len(rows) - len(firsts) - left_out, left_out)


@examples
@given(rows=st.lists(orders, max_size=12))
def test_each_order_line_is_accepted_set_aside_or_left_out(zone_after_an_erasure: State, rows: list[tuple]) -> None:
    usable = [
        (order, customer, float(amount))
        for order, customer, time, amount in rows
        if order in ("o1", "o2")
        and customer in ("ann", "cyd")
        and time not in ("soon", None)
        and amount in ("1", "-1e9")
    ]
    left_out = sum(customer == ERASED for _, customer, _, _ in rows)

    landing, accepted = land_after(
        zone_after_an_erasure, "orders", ["order_id", "customer_id", "ordered_at", "amount"], rows
    )

    assert [(order, customer, amount) for order, customer, _, amount in accepted] == sorted(usable)
    assert landing == Landing("orders", len(rows), len(usable), len(rows) - len(usable) - left_out, left_out)
