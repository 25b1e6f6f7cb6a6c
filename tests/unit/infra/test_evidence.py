"""Evidence of data quality, counted on tables small enough to count by hand."""

from collections.abc import Callable

import pandas as pd
from landing_examples import table_of

from infra import evidence
from infra.evidence import Evidence
from infra.intake.landing import land
from infra.keys import Keys
from infra.state import State

AS_OF = pd.Timestamp("2017-03-06")  # a Monday
ORDER = ["order_id", "customer_id", "ordered_at", "amount", "product_id", "channel", "landed_at"]


def order(number: int, at: str, landed: str | None = None, **other: object) -> tuple[object, ...]:
    given = {"customer_id": "ann", "amount": "5", "product_id": "p1", "channel": "shop"} | other
    row = {"order_id": f"o{number}", "ordered_at": at, "landed_at": landed or at, **given}
    return tuple(row[column] for column in ORDER)


ORDERS = [
    order(1, "2017-02-07 10:00"),
    order(1, "2017-02-07 10:00", amount="7", product_id="p2"),
    order(2, "2017-02-13 10:00", customer_id="bob", product_id="p9"),
    order(3, "2017-02-27 10:00", product_id=None, channel="web"),
    order(4, "2017-03-05 10:00", landed="2017-03-07 10:00"),  # not there yet
    order(5, "2017-03-06 10:00"),  # not happened yet
    order(6, "2017-02-08 10:00", customer_id=None),
    order(7, "2017-02-08 10:00", amount="much"),
    order(8, "yesterday"),
    order(9, "2017-02-08 10:00", customer_id="guest"),
]
PRODUCTS = table_of("products", ["product_id", "landed_at"], ("p1", "2017-01-01"), ("p2", "2018-01-01"))


def gathered(state: State, keys: Keys, *tables: object) -> Evidence:
    land(state, keys, tables, "f")  # type: ignore[arg-type]
    return evidence.gather(state, keys, AS_OF)


def rows(frame: pd.DataFrame) -> list[tuple[object, ...]]:
    return list(frame.itertuples(index=False, name=None))


def test_missing_and_unreadable_values_of_required_columns(state: State, keys: Keys) -> None:
    found = gathered(state, keys, table_of("orders", ORDER, *ORDERS), PRODUCTS)
    assert rows(found.fields) == [
        ("orders", "amount", 10, 0, 1),
        ("orders", "customer_id", 10, 2, 0),
        ("orders", "order_id", 10, 0, 0),
        ("orders", "ordered_at", 10, 0, 1),
        ("products", "product_id", 2, 0, 0),
    ]


def test_only_what_was_known_counts(state: State, keys: Keys) -> None:
    found = gathered(state, keys, table_of("orders", ORDER, *ORDERS), PRODUCTS)
    assert rows(found.newest) == [("orders", 4, pd.Timestamp("2017-02-27 10:00"))]
    # p2 had not landed, p9 never will
    assert rows(found.references) == [("orders", "product_id", "products", 3, 2)]


def test_every_complete_week_is_counted_and_an_empty_one_too(state: State, keys: Keys) -> None:
    found = gathered(state, keys, table_of("orders", ORDER, *ORDERS))
    assert [(week.strftime("%m-%d"), n) for _, week, n in rows(found.weeks)] == [
        ("02-06", 2),
        ("02-13", 1),
        ("02-20", 0),
        ("02-27", 1),
    ]


def test_a_week_is_counted_when_the_rows_that_usually_come_late_are_there(state: State, keys: Keys) -> None:
    """The week that ends at as_of is not settled where nine in ten rows, or one in ten, land three days late."""
    days = pd.date_range("2017-02-01 10:00", "2017-03-02 10:00")

    def last_week(is_late: Callable[[int], bool]) -> str:
        delays = [pd.Timedelta(days=3 * is_late(n)) for n in range(len(days))]
        lines = [
            order(n, f"{day}", landed=f"{day + delay}") for n, (day, delay) in enumerate(zip(days, delays, strict=True))
        ]
        return f"{gathered(state, keys, table_of('orders', ORDER, *lines)).weeks['week_at'].max():%m-%d}"

    assert last_week(lambda n: n % 10 > 0) == last_week(lambda n: n % 10 == 0) == "02-20"
    assert last_week(lambda n: False) == "02-27"


def test_tables_refer_to_those_that_were_brought(state: State, keys: Keys) -> None:
    customers = table_of("customers", ["customer_id"], ("ann",), ("cyd",))
    found = gathered(state, keys, table_of("orders", ORDER, *ORDERS), customers)
    assert rows(found.references) == [("orders", "customer_id", "customers", 4, 1)]


def test_orders_alone_are_enough(state: State, keys: Keys) -> None:
    found = gathered(state, keys, table_of("orders", ORDER[:4], *(row[:4] for row in ORDERS)))
    assert found.not_brought == ("customers", "products", "impressions", "campaigns", "contacts", "events")
    assert rows(found.references) == []
    assert set(found.bins["column_name"]) == {"amount", "channel", "store_id"}
    assert set(found.bins.loc[found.bins["column_name"] != "amount", "bin"]) == {-1}


def test_whole_orders_fall_into_the_deciles_of_the_weeks_before(state: State, keys: Keys) -> None:
    """Amounts of 1 to 100 before; lately ten orders of 5, each in two lines, and one of 1000."""
    before = [order(n, "2017-01-10 10:00", amount=str(n)) for n in range(1, 101)]
    lately = [order(1000 + n, "2017-02-20 10:00", amount=a, product_id=a) for n in range(10) for a in ("2", "3")]
    high = order(2000, "2017-02-20 10:00", amount="1000")
    found = gathered(state, keys, table_of("orders", ORDER, *before, *lately, high))
    amounts = found.bins[found.bins["column_name"] == "amount"]
    assert rows(amounts[["bin", "before", "lately"]]) == [
        (0, 10, 10),
        *((n, 10, 0) for n in range(1, 9)),
        (9, 10, 1),
    ]


def test_rare_categories_share_a_bin_and_missing_ones_have_their_own(state: State, keys: Keys) -> None:
    """The 20 most frequent of before each have one; c20 and c21, and what is new, fall into the last."""
    before = [order(n, "2017-01-10 10:00", channel=f"c{n % 22:02}") for n in range(22 * 3 - 2)]
    nameless = [order(200 + n, "2017-01-10 10:00", channel=None) for n in range(5)]
    lately = [order(500 + n, "2017-02-20 10:00", channel=c) for n, c in enumerate(["c00", "c21", "new", None])]
    found = gathered(state, keys, table_of("orders", ORDER, *before, *nameless, *lately))
    channels = found.bins[found.bins["column_name"] == "channel"]
    assert rows(channels[["bin", "before", "lately"]]) == [
        (-1, 5, 1),
        (0, 3, 1),
        *((n, 3, 0) for n in range(1, 20)),
        (20, 4, 2),
    ]


def test_no_value_of_the_company_is_in_the_evidence(state: State, keys: Keys) -> None:
    secret = "codeword"
    told = [order(n, "2017-02-20 10:00", channel=secret, product_id=secret, customer_id=secret) for n in range(40)]
    found = gathered(state, keys, table_of("orders", ORDER, *told), table_of("customers", ["customer_id"], (secret,)))
    everything = [found.fields, found.newest, found.weeks, found.references, found.bins]
    assert all(secret not in frame.to_csv() for frame in everything)
