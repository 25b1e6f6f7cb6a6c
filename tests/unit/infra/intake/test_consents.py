"""What is remembered of answers about consent, landing after landing, and from when each was known."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from landing_examples import InZone, table_of

from infra.intake.landing import land
from infra.keys import Keys
from infra.sources.raw_table import RawTable
from infra.state import State
from infra.warehouse import attach_encrypted, engine

EVER = datetime(1970, 1, 1)
ORDERS = table_of("orders", ["order_id", "customer_id", "ordered_at", "amount"], ("o", "ann", "2017-03-06 18:00", 1))
END = datetime(2017, 3, 7)  # the first midnight after the last order
LATER_ORDERS = table_of(
    "orders", ["order_id", "customer_id", "ordered_at", "amount"], ("o", "ann", "2017-05-06 18:00", 1)
)

Land = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def land_answers(state: State, keys: Keys, in_zone: InZone) -> Land:
    """Land customers with answers, and give back every answer that is known then."""

    def landed(columns: str, *rows: tuple[object, ...], now: str = "2017-04-01", orders: RawTable = ORDERS) -> Any:
        land(state, keys, [orders, table_of("customers", columns.split(), *rows)], "f", now=datetime.fromisoformat(now))
        return in_zone("FROM raw.consents ORDER BY customer_id, landed_at")

    return landed


def test_a_first_answer_is_known_from_when_the_row_landed(land_answers: Land) -> None:
    assert land_answers(
        "customer_id consent_marketing consent_profiling landed_at",
        ("ann", "yes", "true", "2017-02-01"),
        ("bob", "no", None, "2017-02-02"),
        ("cyd", None, "0", "2017-02-03"),
    ) == [
        ("ann", datetime(2017, 2, 1), "granted", "granted"),
        ("bob", datetime(2017, 2, 2), "denied", "unanswered"),
        ("cyd", datetime(2017, 2, 3), "unanswered", "denied"),
    ]


def test_a_question_that_the_company_does_not_ask_has_no_answer(land_answers: Land) -> None:
    assert land_answers("customer_id consent_marketing", ("ann", True)) == [("ann", EVER, "granted", None)]


def test_another_answer_is_added_and_the_first_one_stays(land_answers: Land) -> None:
    land_answers("customer_id consent_profiling", ("ann", True), ("bob", True), orders=ORDERS)

    assert land_answers("customer_id consent_profiling", ("ann", False), ("bob", True)) == [
        ("ann", EVER, None, "granted"),
        ("ann", END, None, "denied"),  # where cycles stand: a landing weeks later tells nothing of later data
        ("bob", EVER, None, "granted"),
    ]


@pytest.mark.parametrize(
    ("said_at", "now", "known_at"),
    [
        ("2017-02-09", "2017-03-02", datetime(2017, 2, 9)),  # the row says when
        ("2017-02-01", "2017-04-01", END),
        ("2017-02-01", "2017-03-06 20:00", datetime(2017, 3, 6, 20)),  # landed before the day's midnight
    ],
)
def test_another_answer_is_known_from_when_the_row_says_or_from_the_landing(
    land_answers: Land, said_at: str, now: str, known_at: datetime
) -> None:
    columns = "customer_id consent_profiling landed_at"
    land_answers(columns, ("ann", True, "2017-02-01"))

    assert land_answers(columns, ("ann", False, said_at), now=now)[-1] == ("ann", known_at, None, "denied")


def test_of_two_answers_known_from_one_instant_the_later_one_counts(land_answers: Land) -> None:
    for answer in (True, False, True):
        known = land_answers("customer_id consent_profiling", ("ann", answer))

    assert known == [("ann", EVER, None, "granted"), ("ann", END, None, "granted")]


def test_landing_the_same_again_adds_nothing(land_answers: Land) -> None:
    first = land_answers("customer_id consent_marketing", ("ann", True), ("bob", None))

    assert land_answers("customer_id consent_marketing", ("ann", True), ("bob", None), now="2017-08-01") == first


def test_an_export_without_the_column_or_the_customer_takes_nothing_back(land_answers: Land) -> None:
    first = land_answers("customer_id consent_profiling", ("ann", False), ("bob", True))

    assert land_answers("customer_id region", ("ann", "north")) == first


def test_a_question_that_is_new_does_not_rewrite_what_was_known(land_answers: Land) -> None:
    land_answers("customer_id", ("ann",))

    assert land_answers(
        "customer_id consent_profiling", ("ann", False), orders=LATER_ORDERS, now="2017-05-06 20:00"
    ) == [
        ("ann", EVER, None, None),
        ("ann", datetime(2017, 5, 6, 20), None, "denied"),
    ]


def test_a_zone_of_earlier_code_has_no_answers_to_carry(state: State, keys: Keys, land_answers: Land) -> None:
    land_answers("customer_id consent_profiling", ("ann", True))
    with engine(state.raw_zone.parent / "spill") as connection:
        attach_encrypted(connection, state.raw_zone, "raw", keys.storage, read_only=False)
        connection.execute("DROP TABLE raw.consents")

    assert land_answers("customer_id consent_profiling", ("ann", False)) == [("ann", EVER, None, "denied")]
