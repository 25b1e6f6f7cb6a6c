"""Numbers as exports write them: worked examples, column by column."""

from collections.abc import Sequence

import duckdb
import pytest

from infra.reading import numbers


def read(texts: Sequence[str], told: bool | None = None) -> list[float | None]:
    """One column of texts, read by what it shows."""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE cells (position INTEGER, text VARCHAR)")
        connection.executemany("INSERT INTO cells VALUES (?, ?)", list(enumerate(texts)))
        comma = numbers.decimal_commas("cells", ["text"], told, connection)["text"]
        found = connection.execute(f"SELECT {numbers.expression('text', comma)} FROM cells ORDER BY position")
        return [row[0] for row in found.fetchall()]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1234.5", 1234.5),
        ("1,234.50", 1234.5),
        ("1,234,567.8", 1234567.8),
        ("1 234.5", 1234.5),
        ("1'234.50", 1234.5),
        ("1\u00a0234.5", 1234.5),
        ("$12.50", 12.5),
        ("€ 12.50", 12.5),
        ("12.50 EUR", 12.5),
        ("USD12.50", 12.5),
        ("+12.5", 12.5),
        ("-12.5", -12.5),
        ("12.50-", -12.5),
        ("(12.50)", -12.5),
        ("($1,234.50)", -1234.5),
        (".5", 0.5),
        ("00012", 12.0),
        ("1e3", 1000.0),
    ],
)
def test_a_number_with_a_point(text: str, number: float) -> None:
    assert read([text, "0.25"])[0] == number


@pytest.mark.parametrize(
    ("text", "number"),
    [("1234,5", 1234.5), ("1.234,50", 1234.5), ("1.234", 1234.0), ("1 234,5", 1234.5), ("-3", -3.0), ("€ 4,20", 4.2)],
)
def test_a_number_with_a_comma(text: str, number: float) -> None:
    assert read([text, "0,25"])[0] == number


@pytest.mark.parametrize(
    "text", ["much", "5-3", "1.2.3", "--5", "1,23,456.00", "0x10", "12%", "½", "٣", "5 000 apples", "", "1,2,3"]
)
def test_what_is_no_number_is_not_made_one(text: str) -> None:
    assert read([text, "0.25"])[0] is None


def test_the_column_decides_what_a_value_alone_does_not_say() -> None:
    assert read(["1,234", "0.5"]) == [1234.0, 0.5]
    assert read(["1,234", "0,5"]) == [1.234, 0.5]


def test_a_column_that_says_nothing_is_not_guessed_at_unless_it_is_told() -> None:
    assert read(["1,234", "5,678"]) == [None, None]
    assert read(["1,234", "5,678"], told=True) == [1.234, 5.678]
    assert read(["1,234", "5,678"], told=False) == [1234.0, 5678.0]


def test_where_a_column_holds_both_ways_only_what_shows_its_own_way_is_read() -> None:
    assert read(["1,5", "1.5", "1,234", "1.234", "1.234,5", "1,234.5", "7"]) == [
        1.5,
        1.5,
        None,
        None,
        1234.5,
        1234.5,
        7.0,
    ]


def test_a_decimal_comma_that_was_told_is_heeded_where_a_cast_would_read_otherwise() -> None:
    assert read(["1.234", "5"], told=True) == [1234.0, 5.0]
