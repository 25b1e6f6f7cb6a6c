"""CSV of any delimiter, quote, encoding and line end; what is no row is set aside with its text."""

import codecs
import gzip
from datetime import datetime
from pathlib import Path

import pytest
from company_examples import HEADER, LINES, TWO_ORDERS, refusal, take, write

NAMES = "order_id,customer_id,ordered_at,amount,product_id\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "||"])
def test_the_delimiter_is_found_out(tmp_path: Path, delimiter: str) -> None:
    write(tmp_path, {"o.csv": (HEADER + LINES).replace(",", delimiter)})
    told = {"delimiter": delimiter} if len(delimiter) > 1 else {}

    assert take(tmp_path, {"files": "o.csv", **told}).accepted == TWO_ORDERS


def test_blanks_between_columns_and_no_header(tmp_path: Path) -> None:
    """CDNOW: https://www.brucehardie.com/datasets/"""
    write(tmp_path, {"cdnow.txt": " 00001 19970101  1   11.77\n 00002 19970112  5   77.00\n 00002 1997\n"})
    columns = {"customer_id": "column0", "ordered_at": "column1", "quantity": "column2", "amount": "column3"}

    taken = take(tmp_path, {"files": "cdnow.txt", "columns": columns}, "customer_id, ordered_at, quantity, amount")

    assert taken.accepted == [
        ("00001", datetime(1997, 1, 1), 1.0, 11.77),
        ("00002", datetime(1997, 1, 12), 5.0, 77.0),
    ]
    assert taken.aside == [("line: not 4 cells", " 00002 1997")]


def test_a_header_over_blank_separated_columns_is_no_row(tmp_path: Path) -> None:
    write(tmp_path, {"o.txt": "order_id  customer_id ordered_at amount\n1   ann   2017-03-01   5.5\n"})

    assert take(tmp_path, {"files": "o.txt"}).accepted == TWO_ORDERS[:1]


def test_quotes_hold_delimiters_newlines_and_quotes(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": NAMES + '1,"Ann, the ""first""\nof\nmany",2017-03-01,"5.5",p\n'})

    assert take(tmp_path, {"files": "o.csv"}).accepted == [("1", 'Ann, the "first"\nof\nmany', *TWO_ORDERS[0][2:])]


def test_another_quote_or_none(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": HEADER + "1,'an,n',2017-03-01,5.5\n", "p.csv": HEADER + '1,12" pizza,2017-03-01,5.5\n'})

    assert take(tmp_path, {"files": "o.csv", "quote": "'"}).accepted[0][1] == "an,n"
    assert take(tmp_path, {"files": "p.csv", "quote": ""}).accepted[0][1] == '12" pizza'


PEOPLE = {
    "cp1252": "Müller Größe €",
    "gb18030": "王小明和苹果",
    "big5": "王小明和蘋果",
    "cp932": "田中さんのりんご",
    "euc_kr": "김철수와 사과",
    "cp1251": "Иванов и Яблоко",
    "utf-8": "Zoë 王 🍎",
    "utf-8-sig": "Zoë 王 🍎",
    "utf-16": "Zoë 王 🍎",
}


@pytest.mark.parametrize("encoding", PEOPLE)
def test_the_encoding_is_found_out(tmp_path: Path, encoding: str) -> None:
    lines = "".join(f"{n},{PEOPLE[encoding]},2017-03-01,5.5\n" for n in range(20))
    write(tmp_path, {"o.csv": (HEADER + lines).encode(encoding)})

    taken = take(tmp_path, {"files": "o.csv"})

    assert {row[1] for row in taken.accepted} == {PEOPLE[encoding]}
    assert len(taken.accepted) == 20


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le", "cp1250", "iso8859-15", "mac_roman", "cp850"])
def test_the_encoding_may_be_told(tmp_path: Path, encoding: str) -> None:
    write(tmp_path, {"o.csv": (HEADER + LINES.replace("ann", "Änn")).encode(encoding)})

    assert take(tmp_path, {"files": "o.csv", "encoding": encoding}).accepted[0][1] == "Änn"


def test_utf_16_with_the_greater_byte_first(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": codecs.BOM_UTF16_BE + (HEADER + LINES).encode("utf-16-be")})

    assert take(tmp_path, {"files": "o.csv"}).accepted == TWO_ORDERS


def test_a_line_in_broken_encoding_is_set_aside(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": (HEADER + LINES).encode() + b"3,b\xfcb,2017-03-01,1\n" + b"4,c\0c,2017-03-01,1\n"})

    taken = take(tmp_path, {"files": "o.csv", "encoding": "utf-8"})

    assert taken.accepted == TWO_ORDERS
    assert taken.reasons == ["line: invalid encoding"] * 2


def test_an_unknown_encoding_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": HEADER + LINES})

    assert refusal(tmp_path, {"files": "o.csv", "encoding": "utf-9"}).what == "there is no encoding 'utf-9'"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_end_in_many_ways(tmp_path: Path, newline: str) -> None:
    write(tmp_path, {"o.csv": (HEADER + LINES).replace("\n", newline)})

    assert take(tmp_path, {"files": "o.csv"}).accepted == TWO_ORDERS


def test_lines_of_one_file_end_in_several_ways(tmp_path: Path) -> None:
    """Two exports glued together."""
    write(
        tmp_path, {"o.csv": (HEADER + LINES).replace("\n", "\r\n") + LINES.replace("ann", "cyd").replace("bob", "dan")}
    )

    assert [row[1] for row in take(tmp_path, {"files": "o.csv"}).accepted] == ["ann", "bob", "cyd", "dan"]


def test_packed_by_gzip_in_another_encoding(tmp_path: Path) -> None:
    lines = "".join(f"{n},Müller,2017-03-01,5.5\n" for n in range(30_000))
    write(
        tmp_path,
        {
            "o.csv.gz": gzip.compress((HEADER + LINES).encode()),
            "p.csv.gz": gzip.compress((HEADER + lines).encode("cp1252")),
        },
    )

    assert take(tmp_path, {"files": "o.csv.gz"}).accepted == TWO_ORDERS
    assert len(take(tmp_path, {"files": "p.csv.gz", "encoding": "cp1252"}).accepted) == 30_000


def test_lines_of_another_width_are_set_aside_with_their_text(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": HEADER + LINES + "3,cyd\n4,dan,2017-03-01,1,more\n\n5,eve,2017-"})

    taken = take(tmp_path, {"files": "o.csv"})

    assert taken.accepted == TWO_ORDERS
    assert taken.aside == [
        ("line: missing columns", "3,cyd"),
        ("line: too many columns", "4,dan,2017-03-01,1,more"),
        ("line: missing columns", "5,eve,2017-"),
    ]


def test_a_text_after_a_closing_quote_is_not_dropped_in_silence(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": HEADER + '0,"zoe" the great,2017-03-01,1\n' + LINES})

    taken = take(tmp_path, {"files": "o.csv"})

    assert taken.accepted == TWO_ORDERS
    assert taken.aside == [("line: unquoted value", '0,"zoe" the great,2017-03-01,1')]


def test_a_column_without_a_name_gets_one(tmp_path: Path) -> None:
    """pandas writes its index so."""
    write(tmp_path, {"o.csv": "," + HEADER + "0," + LINES.splitlines()[0] + "\n"})

    assert take(tmp_path, {"files": "o.csv"}).accepted == TWO_ORDERS[:1]
    assert take(tmp_path, {"files": "o.csv", "columns": {"order_id": "column0"}}).accepted[0][0] == "0"


def test_columns_of_several_files_in_another_order_or_missing(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a.csv": NAMES + "1,ann,2017-03-01,5.5,p\n",
            "b.csv": "amount;ordered_at;customer_id;order_id\n-6;2017-03-02 10:00;bob;2\n",
        },
    )

    taken = take(tmp_path, {"files": "*.csv"}, "order_id, customer_id, ordered_at, amount, product_id")

    assert taken.accepted == [(*TWO_ORDERS[0], "p"), (*TWO_ORDERS[1], None)]


def test_words_for_nothing(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "o.csv": NAMES
            + "".join(
                f"{n},ann,2017-03-01,1,{word}\n"
                for n, word in enumerate(["NULL", "n/a", "-", "?", "\\N", '""', "None "])
            )
        },
    )

    rows = take(tmp_path, {"files": "o.csv"}, "product_id").accepted

    assert rows == [(None,)] * 6 + [("None",)]
