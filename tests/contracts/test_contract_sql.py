"""Raw contracts as SQL, held beside pandera itself: the same rows pass, and each reason is the one people read."""

from datetime import datetime

import pandera.pandas as pa
import pytest
from contract_oracle import OTHERWISE, judged, judged_by_sql, rows_that_should_pass, table_of_all_edges, tables_of
from hypothesis import given, settings
from hypothesis import strategies as st

from infra import contract_sql
from infra.contracts import Contract, Time, optional, required
from infra.raw_contracts import RAW

examples = settings(max_examples=25, deadline=None, derandomize=True, database=None)

RAW_NAMES = list(RAW)
LONG, TOO_LONG = "é" * 200, "é" * 201


# ── the oracle ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", RAW_NAMES)
@examples
@given(data=st.data())
def test_sql_accepts_the_rows_that_pandera_accepts(name: str, data: st.DataObject) -> None:
    table = data.draw(tables_of(RAW[name]))

    cast, reasons = judged_by_sql(RAW[name], table)

    accepted = {row for row, reason in enumerate(reasons) if reason is None}
    assert accepted == rows_that_should_pass(RAW[name], table, cast), reasons


@pytest.mark.parametrize("given_as", ["what it is", "text", "something else"])
@pytest.mark.parametrize("name", RAW_NAMES)
def test_sql_and_pandera_agree_on_every_edge_of_every_column(name: str, given_as: str) -> None:
    wanted = contract_sql.columns(RAW[name])
    types = {
        column: {"what it is": sql_type, "text": "VARCHAR", "something else": OTHERWISE[sql_type]}[given_as]
        for column, sql_type in wanted.items()
    }
    table = table_of_all_edges(RAW[name], types)

    cast, reasons = judged_by_sql(RAW[name], table)

    expected = rows_that_should_pass(RAW[name], table, cast)
    disputed = [(table[1][row], why) for row, why in enumerate(reasons) if (why is None) != (row in expected)]
    assert disputed == []
    assert reasons[0] is None
    assert 0 < len(expected) < len(reasons)


# ── worked examples ───────────────────────────────────────────────────────────────────────────

GOOD = {
    "customers": {"customer_id": "c1"},
    "orders": {"order_id": "o1", "customer_id": "c1", "ordered_at": "2017-01-01 10:00:00", "amount": "9.90"},
    "products": {"product_id": "p1"},
    "impressions": {
        "impression_id": "i1",
        "customer_id": "c1",
        "shown_at": "2017-01-01 10:00:00",
        "clicked": "true",
    },
    "campaigns": {"campaign_id": "k1"},
    "contacts": {"campaign_id": "k1", "customer_id": "c1"},
    "events": {"event_id": "e1", "customer_id": "c1", "occurred_at": "2017-01-01 10:00:00", "type": "view"},
}


@pytest.mark.parametrize("name", RAW_NAMES)
def test_the_least_that_a_company_may_bring_is_accepted(name: str) -> None:
    assert judged(RAW[name], GOOD[name]) is None


@pytest.mark.parametrize(
    ("name", "column", "value", "reason"),
    [
        ("orders", "order_id", None, "order_id: missing"),
        ("orders", "order_id", "", "order_id: must be 1 to 200 characters"),
        ("orders", "customer_id", TOO_LONG, "customer_id: must be 1 to 200 characters"),
        ("orders", "customer_id", LONG, None),
        ("orders", "ordered_at", None, "ordered_at: missing"),
        ("orders", "ordered_at", "yesterday", "ordered_at: not a timestamp"),
        ("orders", "ordered_at", "2017-13-01", "ordered_at: not a timestamp"),
        ("orders", "ordered_at", "", "ordered_at: not a timestamp"),
        ("orders", "ordered_at", "2017-01-01", None),
        ("orders", "amount", None, "amount: missing"),
        ("orders", "amount", "much", "amount: not a double"),
        ("orders", "amount", "9,90", "amount: not a double"),
        ("orders", "amount", "nan", "amount: not finite"),
        ("orders", "amount", "-inf", "amount: not finite"),
        ("orders", "amount", "1000000000.01", "amount: must be at most 1e+09"),
        ("orders", "amount", "-1000000000.01", "amount: must be at least -1e+09"),
        ("orders", "amount", "-1000000000", None),
        ("orders", "quantity", "0", "quantity: must be other than 0"),
        ("orders", "quantity", "-0.0", "quantity: must be other than 0"),
        ("orders", "quantity", "-2", None),
        ("orders", "quantity", "-1000000001", "quantity: must be at least -1e+09"),
        ("orders", "quantity", "0.001", None),
        ("orders", "quantity", None, None),
        ("orders", "discount", "-0.01", "discount: must be at least 0"),
        ("orders", "discount", "0", None),
        ("orders", "landed_at", None, "landed_at: missing"),
        ("orders", "landed_at", "soon", "landed_at: not a timestamp"),
        ("customers", "latitude", "90.1", "latitude: must be at most 90"),
        ("customers", "latitude", "-90", None),
        ("customers", "longitude", "-180.5", "longitude: must be at least -180"),
        ("customers", "birth_date", "1980-02-30", "birth_date: not a timestamp"),
        ("customers", "consent_marketing", "perhaps", "consent_marketing: not a boolean"),
        ("customers", "consent_marketing", None, None),
        ("customers", "name", "", None),
        ("impressions", "clicked", None, "clicked: missing"),
        ("impressions", "clicked", "perhaps", "clicked: not a boolean"),
        ("impressions", "propensity", "0", "propensity: must be above 0"),
        ("impressions", "propensity", "1", None),
        ("impressions", "propensity", "1.01", "propensity: must be at most 1"),
        ("impressions", "sampling_weight", "0.99", "sampling_weight: must be at least 1"),
        ("impressions", "sampling_weight", "inf", "sampling_weight: not finite"),
        ("products", "price", "-1", "price: must be at least 0"),
        ("campaigns", "budget", "NaN", "budget: not finite"),
        ("contacts", "responded_at", "never", "responded_at: not a timestamp"),
        ("events", "type", None, "type: missing"),
    ],
)
def test_each_reason_in_its_words(name: str, column: str, value: str | None, reason: str | None) -> None:
    assert judged(RAW[name], {**GOOD[name], column: value}) == reason


def test_the_first_reason_in_the_order_of_the_contract_is_told() -> None:
    assert judged(RAW["orders"], {**GOOD["orders"], "amount": "much", "order_id": ""}) == (
        "order_id: must be 1 to 200 characters"
    )


@pytest.mark.parametrize("moment", ["infinity", "-infinity"])
def test_an_infinite_time_is_refused(moment: str) -> None:
    assert judged(RAW["orders"], {**GOOD["orders"], "ordered_at": moment}) is not None


def test_a_time_beyond_all_calendars_is_refused_and_stops_nothing() -> None:
    absurd = {**GOOD["orders"], "ordered_at": "294247-01-10 04:00:54.775806"}

    assert judged(RAW["orders"], absurd) == "ordered_at: must be in the years 1678 to 2261"


@pytest.mark.parametrize("moment", ["9999-12-31", "2262-04-12", "1677-09-20"])
def test_a_time_that_the_contracts_type_cannot_hold_is_refused(moment: str) -> None:
    assert judged(RAW["orders"], {**GOOD["orders"], "ordered_at": moment}) is not None


def test_text_with_an_offset_is_told_in_utc() -> None:
    orders = RAW["orders"]
    table = ({"ordered_at": "VARCHAR"}, [{"ordered_at": "2017-01-01T10:00:00+08:00"}])

    cast, _ = judged_by_sql(orders, table)

    assert cast[0]["ordered_at"] == datetime(2017, 1, 1, 2)


def test_an_instant_with_a_zone_is_told_in_utc() -> None:
    table = ({"ordered_at": "TIMESTAMPTZ"}, [{"ordered_at": "2017-01-01T10:00:00+08:00"}])

    cast, _ = judged_by_sql(RAW["orders"], table)

    assert cast[0]["ordered_at"] == datetime(2017, 1, 1, 2)


# ── what the contracts say of themselves ──────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "key", "event_time"),
    [
        ("customers", ["customer_id"], None),
        ("orders", [], "ordered_at"),
        ("products", ["product_id"], None),
        ("impressions", ["impression_id"], "shown_at"),
        ("campaigns", ["campaign_id"], None),
        ("contacts", ["campaign_id", "customer_id"], "contacted_at"),
        ("events", ["event_id"], "occurred_at"),
    ],
)
def test_each_contract_names_its_key_and_its_time(name: str, key: list[str], event_time: str | None) -> None:
    assert (contract_sql.key(RAW[name]), contract_sql.event_time(RAW[name])) == (key, event_time)


def test_columns_have_duckdbs_types_in_the_contracts_order() -> None:
    assert contract_sql.columns(RAW["contacts"]) == {
        "campaign_id": "VARCHAR",
        "customer_id": "VARCHAR",
        "contacted_at": "TIMESTAMP",
        "responded_at": "TIMESTAMP",
        "landed_at": "TIMESTAMP",
    }
    assert contract_sql.columns(RAW["impressions"])["clicked"] == "BOOLEAN"
    assert contract_sql.columns(RAW["impressions"])["propensity"] == "DOUBLE"


@pytest.mark.parametrize("name", RAW_NAMES)
def test_every_row_lands_at_some_time(name: str) -> None:
    assert contract_sql.columns(RAW[name])["landed_at"] == "TIMESTAMP"


@pytest.mark.parametrize(
    ("name", "row", "landed_at"),
    [
        ("orders", {"ordered_at": "2017-05-06 07:08:09"}, datetime(2017, 5, 6, 7, 8, 9)),
        ("orders", {"ordered_at": "2017-05-06 07:08:09", "landed_at": "2017-06-01"}, datetime(2017, 6, 1)),
        ("contacts", {"contacted_at": None}, datetime(1970, 1, 1)),
        ("contacts", {}, datetime(1970, 1, 1)),
        ("customers", {}, datetime(1970, 1, 1)),
    ],
)
def test_rows_land_when_they_happen_or_were_always_known(name: str, row: dict, landed_at: datetime) -> None:
    table = (dict.fromkeys(GOOD[name] | row, "VARCHAR"), [GOOD[name] | row])

    cast, reasons = judged_by_sql(RAW[name], table)

    assert (cast[0]["landed_at"], reasons) == (landed_at, [None])


# ── what is not translated is refused ─────────────────────────────────────────────────────────


class Base(Contract):
    landed_at: Time = required()

    class Config:
        metadata = {"key": None, "event_time": None}  # noqa: RUF012  (pandera reads it from the class)


class WithList(Base):
    code: str = optional(isin=["a", "b's"])


class WithPattern(Base):
    code: str = optional(str_matches="[a-z]+")


class WithRange(Base):
    number: float = optional(in_range={"min_value": 0, "max_value": 1})


class WithOwnCheck(Base):
    number: float = optional()

    @pa.check("number")
    @classmethod
    def is_even(cls, series):
        return series % 2 == 0


class WithOtherType(Base):
    category: pa.typing.Series[pa.dtypes.Category] = optional()


class WithUniqueColumn(Base):
    code: str = required(unique=True)


class WithCheckOfWholeRows(Base):
    number: float = optional()

    @pa.dataframe_check
    @classmethod
    def is_even(cls, frame):
        return frame["number"] % 2 == 0


@pytest.mark.parametrize(
    ("code", "is_of_the_list"), [("a", True), ("b's", True), (None, True), ("A", False), ("", False)]
)
def test_a_value_must_be_of_the_list_where_there_is_one(code: str | None, is_of_the_list: bool) -> None:
    assert judged(WithList, {"code": code}) == (None if is_of_the_list else "code: must be one of a, b's")


@pytest.mark.parametrize("contract", [WithPattern, WithRange, WithOwnCheck, WithOtherType])
def test_a_check_or_type_without_translation_is_refused(contract: type[Contract]) -> None:
    with pytest.raises(KeyError):
        contract_sql.reason_expression(contract, set())


@pytest.mark.parametrize("contract", [WithUniqueColumn, WithCheckOfWholeRows])
def test_a_rule_that_is_no_check_of_one_column_is_refused_too(contract: type[Contract]) -> None:
    with pytest.raises(KeyError):
        contract_sql.reason_expression(contract, set())


def test_a_least_length_alone_is_translated() -> None:
    class WithLeastLength(Base):
        code: str = optional(str_length={"min_value": 2})

    landed = {"landed_at": "2017-01-01"}
    assert judged(WithLeastLength, {"code": "a", **landed}) == "code: must be at least 2 characters"
    assert judged(WithLeastLength, {"code": "ab", **landed}) is None
