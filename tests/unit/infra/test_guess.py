"""What a file seems to hold, from its columns' names and values."""

import pytest

from infra.guess import Column, guess


def text(name: str, *, distinct: int = 50, filled: int = 100) -> Column:
    return Column(name, 0, 0, 0, distinct, filled)


def number(name: str, *, distinct: int = 50, filled: int = 100) -> Column:
    return Column(name, 1, 0, 0, distinct, filled)


def time(name: str) -> Column:
    return Column(name, 0, 1, 0, 100, 100)


def test_an_ordinary_export_of_orders() -> None:
    columns = [text("InvoiceNo"), text("StockCode"), number("Quantity"), time("InvoiceDate"), number("UnitPrice")]

    found = guess([*columns, text("Customer ID"), text("Country")])

    assert found is not None
    assert (found.table, found.missing, found.unused) == ("orders", (), ("UnitPrice", "Country"))
    assert found.columns == {
        "order_id": "InvoiceNo",
        "customer_id": "Customer ID",
        "ordered_at": "InvoiceDate",
        "product_id": "StockCode",
        "quantity": "Quantity",
        "amount": "Quantity * UnitPrice",
    }


@pytest.mark.parametrize(
    "names",
    [
        ("customer", "time", "amount"),
        ("Kundennummer", "Bestelldatum", "Umsatz"),
        ("user_id", "created_at", "total_price"),
        ("cliente", "fecha", "importe"),
        ("客户编号", "下单时间", "金额"),
    ],
)
def test_customer_time_and_amount_are_enough_in_several_languages(names: tuple[str, str, str]) -> None:
    found = guess([text(names[0]), time(names[1]), number(names[2])])

    assert found is not None
    assert (found.table, found.missing) == ("orders", ())


def test_a_name_does_not_count_where_the_values_are_of_another_kind() -> None:
    found = guess([text("customer"), text("date"), number("amount")])

    assert found is not None
    assert found.missing == ("ordered_at",)


def test_customers_have_a_row_each_and_their_further_columns_become_attributes() -> None:
    columns = [text("customer_id", distinct=100), text("City"), text("eMail", distinct=100), text("FavouriteColour")]

    found = guess(columns)

    assert found is not None
    assert found.table == "customers"
    assert found.columns["attr_favourite_colour"] == "FavouriteColour"
    assert found.columns["email"] == "eMail"


def test_a_customer_id_that_comes_back_is_no_table_of_customers() -> None:
    assert guess([text("customer_id", distinct=10), text("FavouriteColour")]) is None


def test_impressions_are_told_by_the_click() -> None:
    shown = [text("impression_id", distinct=100), text("user_id"), time("timestamp"), Column("click", 1, 0, 1, 2, 100)]

    found = guess([*shown, number("price")])

    assert found is not None
    assert (found.table, found.missing) == ("impressions", ())


def test_a_personal_column_is_no_attribute() -> None:
    columns = [text("customer_id", distinct=100), text("region"), Column("home", 0, 0, 0, 90, 100, is_personal=True)]

    found = guess(columns)

    assert found is not None
    assert found.unused == ("home",)


def test_nothing_is_invented_for_a_table_of_something_else() -> None:
    assert guess([text("temperature"), text("sensor")]) is None
    assert guess([]) is None


def test_a_name_with_a_blank_is_quoted_in_an_expression() -> None:
    found = guess([text("customer"), time("date"), number("qty"), number("Unit Price")])

    assert found is not None
    assert found.columns["amount"] == 'qty * "Unit Price"'
