"""Parquet, JSON lines and Excel; which files are meant, and which never are."""

import glob
import gzip
import io
import json
from datetime import datetime
from pathlib import Path

import duckdb
import openpyxl
import pytest
from company_examples import HEADER, LINES, TWO_ORDERS, refusal, settings_of, take, write

from infra.errors import AimloopError
from infra.sources import company, compressed


def parquet(path: Path, sql: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet)")


def excel(**sheets: list[list[object]]) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(out)
    return out.getvalue()


# ── Parquet ───────────────────────────────────────────────────────────────────────────────────


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    parquet(
        tmp_path / "o.parquet",
        """SELECT 1 AS order_id, 12345.0::DOUBLE AS customer_id, 5.5::DECIMAL(9,2) AS amount,
                  TIMESTAMPTZ '2017-03-01 02:00:00+02' AS ordered_at""",
    )

    taken = take(tmp_path, {"files": "o.parquet", "time_zone": "America/New_York"})

    assert taken.accepted == [("1", "12345", datetime(2017, 3, 1), 5.5)]
    assert taken.rules == {("customer_id", "whole number id"): 1}


@pytest.mark.parametrize(
    "time", ["1488326400", "1488326400000", "1488326400.0::DOUBLE", "20170301", "DATE '2017-03-01'"]
)
def test_numbers_may_be_times(tmp_path: Path, time: str) -> None:
    parquet(
        tmp_path / "o.parquet", f"SELECT '1' AS order_id, 'ann' AS customer_id, {time} AS ordered_at, 5.5 AS amount"
    )

    assert take(tmp_path, {"files": "*"}).accepted == TWO_ORDERS[:1]


@pytest.mark.parametrize(
    ("clicked", "landed"), [("1", [(True,)]), ("0", [(False,)]), ("2", []), ("0.5", []), ("'2'", [])]
)
def test_a_count_is_no_truth_value(tmp_path: Path, clicked: str, landed: list[tuple[bool]]) -> None:
    parquet(
        tmp_path / "i.parquet",
        f"SELECT 'i' AS impression_id, 'a' AS customer_id, DATE '2017-03-01' AS shown_at, {clicked} AS clicked",
    )

    assert take(tmp_path, {"files": "*"}, "clicked", "impressions").accepted == landed


def test_a_partitioned_folder_gives_its_keys_as_columns(tmp_path: Path) -> None:
    for day, customer, amount in (("2017-03-01", "ann", 5.5), ("2017-03-02 10:00", "bob", -6)):
        order = 1 if customer == "ann" else 2
        folder = tmp_path / "orders" / f"ordered_at={day.replace(':', '%3A')}"
        parquet(
            folder / "part-0.parquet", f"SELECT {order} AS order_id, '{customer}' AS customer_id, {amount} AS amount"
        )

    assert sorted(take(tmp_path, {"files": "orders/**/*.parquet"}).accepted) == TWO_ORDERS


def test_parquet_files_whose_columns_differ(tmp_path: Path) -> None:
    parquet(
        tmp_path / "a.parquet",
        "SELECT 1 AS order_id, 'ann' AS customer_id, DATE '2017-03-01' AS ordered_at, 5.5 AS amount",
    )
    parquet(
        tmp_path / "b.parquet",
        "SELECT -6 AS amount, '2' AS order_id, 'bob' AS customer_id, 'p' AS product_id, "
        "TIMESTAMP '2017-03-02 10:00' AS ordered_at",
    )

    taken = take(tmp_path, {"files": "*.parquet"}, "order_id, customer_id, ordered_at, amount, product_id")

    assert sorted(taken.accepted) == [(*TWO_ORDERS[0], None), (*TWO_ORDERS[1], "p")]


def test_a_field_of_a_struct(tmp_path: Path) -> None:
    parquet(
        tmp_path / "o.parquet",
        "SELECT 1 AS order_id, {'id': 'ann', 'pieces': 11} AS who, DATE '2017-03-01' AS ordered_at, 0.5 AS price",
    )
    columns = {"customer_id": "who.id", "amount": "price * who.pieces"}

    assert take(tmp_path, {"files": "*", "columns": columns}).accepted == TWO_ORDERS[:1]


# ── JSON ──────────────────────────────────────────────────────────────────────────────────────


def test_nested_properties_and_broken_lines(tmp_path: Path) -> None:
    whole = [
        {"id": 1, "customer": {"id": "ann", "geo": {"city/zip": "X"}}, "at": "2017-03-01T00:00:00Z", "amount": 5.5},
        {"id": 2, "customer": {"id": "bob"}, "at": 1488448800, "amount": "-6"},
    ]
    broken = ['{"id":3,"cust', "", "[1,2]", "null", '"text"', "17"]
    write(tmp_path, {"o.jsonl": "\n".join([json.dumps(whole[0]), *broken, json.dumps(whole[1])])})
    columns = {
        "order_id": "id",
        "customer_id": "customer.id",
        "ordered_at": "at",
        "store_id": '"customer.geo.city/zip"',
    }

    taken = take(
        tmp_path, {"files": "o.jsonl", "columns": columns}, "order_id, customer_id, ordered_at, amount, store_id"
    )

    assert sorted(taken.accepted) == [(*TWO_ORDERS[0], "X"), (*TWO_ORDERS[1], None)]
    assert taken.reasons == ["line: not a JSON object"] * 5
    assert {"[1,2]", "null", '"text"', "17"} <= {text for _, text in taken.aside}


@pytest.mark.parametrize("name", ["o.json", "o.jsonl.gz", "o.ndjson"])
def test_json_under_other_names(tmp_path: Path, name: str) -> None:
    row = {"order_id": 1, "customer_id": "ann", "ordered_at": "2017-03-01", "amount": 5.5}
    text = json.dumps([row] if name == "o.json" else row).encode()
    write(tmp_path, {name: gzip.compress(text) if name.endswith("gz") else text})

    assert take(tmp_path, {"files": "*"}).accepted == TWO_ORDERS[:1]


def test_a_property_may_have_any_name(tmp_path: Path) -> None:
    write(
        tmp_path, {"o.jsonl": json.dumps({"order_id": 1, 'cu"s~t/é': "ann", "ordered_at": "2017-03-01", "amount": 5.5})}
    )

    assert take(tmp_path, {"files": "*", "columns": {"customer_id": 'cu"s~t/é'}}).accepted == TWO_ORDERS[:1]


# ── Excel ─────────────────────────────────────────────────────────────────────────────────────

SHEET = [
    ["order_id", "customer_id", "ordered_at", "amount"],
    [1, "ann", datetime(2017, 3, 1), 5.5],
    ["2", "bob", "2.3.2017 10:00", "-6"],
    [3, 12345, None, None],
]


def test_excel_with_dates(tmp_path: Path) -> None:
    write(tmp_path, {"o.xlsx": excel(Orders=SHEET, Other=[SHEET[0]])})

    taken = take(tmp_path, {"files": "o.xlsx"})

    assert (taken.accepted, taken.reasons) == (TWO_ORDERS, ["ordered_at: missing"])
    assert take(tmp_path, {"files": "o.xlsx", "table": "Orders"}).accepted == TWO_ORDERS


def test_a_sheet_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, {"o.xlsx": excel(Orders=SHEET, Other=SHEET)})

    error = refusal(tmp_path, {"files": "o.xlsx", "table": "Ordrs"})

    assert error.what.endswith("o.xlsx has no sheet 'Ordrs'")
    assert error.remedy == "it has: Orders, Other"


# ── what is no whole file of its kind ─────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("o.csv", b"", "is empty"),
        ("o.csv", b"\n\n  \n", "is empty"),
        ("o.csv", bytes(range(256)) * 40, "is no text file"),
        ("o.csv", gzip.compress(LINES.encode()) * 9, "is no text file"),
        ("o.csv", "a,b,A\n1,2,3\n", "has 2 columns named 'a'"),
        ("o.csv.gz", gzip.compress((HEADER + LINES * 999).encode())[:-20], "is cut short or damaged"),
        ("o.csv.gz", HEADER + LINES, "is cut short or damaged"),
        ("o.parquet", b"PAR1 and no more", "cannot be read as parquet"),
        ("o.jsonl", "no json at all\n", "holds no JSON objects"),
        ("o.jsonl", b"\x00\xff" * 100, "holds no JSON objects"),
        ("o.jsonl", "[1, 2]\n17\n", "holds no JSON objects"),
        ("o.xlsx", HEADER + LINES, "is no whole Excel file"),
        ("o.xlsx", excel(Orders=SHEET)[:-300], "is no whole Excel file"),
        ("o.zip", b"PK", "is of no kind that can be read"),
        ("o.csv", "kunde,datum\n1,2\n", "no column of orders is found in"),
        ("o.csv", "order_id,amount\n1,2\n", "lacks the required column 'customer_id'"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_what_is_wrong(
    tmp_path: Path, name: str, content: str | bytes, what: str
) -> None:
    write(tmp_path, {name: content})

    error = refusal(tmp_path, {"files": name})

    assert what in error.what
    assert name in error.what
    assert error.remedy


@pytest.mark.parametrize("name", ["o.csv.gz", "o.xlsx"])
def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(compressed, "_ALLOWED_BYTES", 1 << 20)
    rows = [["order_id"], *([["x" * 30_000]] * 300)]
    write(tmp_path, {name: gzip.compress(b"0" * (9 << 20)) if name.endswith("gz") else excel(Orders=rows)})

    assert "would expand more than 200-fold" in refusal(tmp_path, {"files": name}).what


def test_a_header_without_rows_is_an_empty_table(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": HEADER.strip()})

    assert take(tmp_path, {"files": "o.csv"}).accepted == []


@pytest.mark.parametrize(
    ("cell", "reason"),
    [("id", "order_id: must be 1 to 200 characters"), ("channel", "channel: over a million bytes")],
)
def test_a_cell_of_ten_megabytes_is_set_aside(tmp_path: Path, cell: str, reason: str) -> None:
    row = {"order_id": 1, "customer_id": "ann", "ordered_at": "2017-03-01", "amount": 5.5}
    huge = {**row, "order_id" if cell == "id" else cell: "x" * 10_000_000}
    write(tmp_path, {"o.jsonl": f"{json.dumps(row)}\n{json.dumps(huge)}\n"})

    taken = take(tmp_path, {"files": "o.jsonl"})

    assert (taken.accepted, taken.reasons) == (TWO_ORDERS[:1], [reason])


def test_a_csv_cell_of_ten_megabytes_is_set_aside(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": HEADER + "0,zoe,2017-03-01," + "1" * 10_000_000 + "\n" + LINES})

    taken = take(tmp_path, {"files": "o.csv"})

    assert (sorted(taken.accepted), taken.reasons) == (TWO_ORDERS, ["line: line size over maximum"])


def test_a_quote_that_never_closes_swallows_no_lines_in_silence(tmp_path: Path) -> None:
    """DuckDB keeps 10,000 characters of what a quote swallowed, and in a long file reads on somewhere below."""
    write(tmp_path, {"few.csv": HEADER + LINES + '3,"cyd,2017-03-01,1\n' + LINES * 9})
    write(tmp_path, {"many.csv": HEADER + LINES + '3,"cyd,2017-03-01,1\n' + LINES * 300_000})

    few = take(tmp_path, {"files": "few.csv"})
    assert (few.accepted, few.reasons) == (TWO_ORDERS, ["line: unquoted value"])
    assert few.aside[0][1].count("\n") == 18  # whole: nothing is lost

    assert refusal(tmp_path, {"files": "many.csv"}).what.startswith("many.csv:4 begins a text with a quote that never")


# ── which files are meant ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "pattern",
    ["../o.csv", "/etc/passwd", "a/../../o.csv", "~/o.csv", "s3://bucket/o.csv", "file:///o.csv", "http://h/o.csv"],
)
def test_a_path_out_of_the_folder_is_refused(tmp_path: Path, pattern: str) -> None:
    write(tmp_path, {"o.csv": HEADER + LINES, "inner/o.csv": HEADER + LINES})

    error = refusal(tmp_path / "inner", {"files": pattern})

    assert error.what == f"'{pattern}' leads out of {tmp_path / 'inner'}"


@pytest.mark.parametrize("link", ["o.csv", "folder/o.csv"])
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, link: str) -> None:
    write(tmp_path, {"secret/o.csv": HEADER + LINES, "shop/p.csv": HEADER})
    target, name = (tmp_path / "secret" / "o.csv", link) if link == "o.csv" else (tmp_path / "secret", "folder")
    (tmp_path / "shop" / name).symlink_to(target)

    assert "is a link that leads out of" in refusal(tmp_path / "shop", {"files": link}).what


@pytest.mark.parametrize("pattern", ["nope.csv", "", ".", "inner", "**", "x\0.csv", "o.csv/"])
def test_what_matches_no_file_is_refused_with_what_is_there(tmp_path: Path, pattern: str) -> None:
    write(tmp_path, {"orders.csv": HEADER + LINES, "inner/readme": ""})

    error = refusal(tmp_path, {"files": pattern})

    assert f"'{pattern}'" in error.what
    assert error.remedy == "there are: orders.csv"


@pytest.mark.parametrize("strike", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_file_that_changes_between_is_an_error(tmp_path: Path, strike) -> None:
    write(tmp_path, {"o.csv": HEADER + LINES})
    settings = settings_of(tmp_path, {"files": "o.csv"})
    company.tables(settings)
    strike(tmp_path / "o.csv")

    with pytest.raises(AimloopError, match=r"o\.csv"):
        company.tables(settings)


@pytest.mark.parametrize("name", ["o.csv", "o.csv.gz", "o.xlsx"])
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Root may read everything, so that the system's refusal is played."""
    write(tmp_path, {name: b"something"})

    def refuse(path: object, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    for opening in ("io.open", "builtins.open", "pathlib.Path.open"):
        monkeypatch.setattr(opening, refuse)

    assert refusal(tmp_path, {"files": name}).what.endswith(f"{name} cannot be read: Permission denied")


@pytest.mark.parametrize("name", ["Ann's orders.csv", "orders (1).csv", "o#1.csv", "öäü 王.csv", "o;drop.csv"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    write(tmp_path, {name: (HEADER + LINES).replace("ann", "Änn").encode("cp1252")})

    assert take(tmp_path, {"files": "*.csv", "encoding": "cp1252"}).accepted[0][1] == "Änn"


# ── names, folders and shapes that mislead ────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["a[*].csv", "a?.csv", "a[b].csv"])
def test_a_file_is_named_whatever_characters_its_name_holds(tmp_path: Path, name: str) -> None:
    write(tmp_path, {name: HEADER + LINES, "ab.csv": HEADER + "3,eve,2017-03-03,9\n"})

    assert take(tmp_path, {"files": glob.escape(name)}).accepted == TWO_ORDERS


def test_a_folder_named_like_a_pattern_leads_nowhere_else(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    write(inside, {"*/o.csv": HEADER + LINES})
    write(outside, {"o.csv": HEADER + "3,eve,2017-03-03,9\n"})
    (inside / "sub").symlink_to(outside)

    assert take(inside, {"files": "[*]/o.csv"}).accepted == TWO_ORDERS


def test_what_a_file_says_counts_more_than_its_folder(tmp_path: Path) -> None:
    write(tmp_path, {"customer_id=evil/o.csv": HEADER + LINES})
    parquet(
        tmp_path / "customer_id=evil" / "o.parquet",
        "SELECT '1' AS order_id, 'ann' AS customer_id, TIMESTAMP '2017-03-01' AS ordered_at, 5.5 AS amount",
    )

    assert take(tmp_path, {"files": "**/*.csv"}).accepted == TWO_ORDERS
    assert take(tmp_path, {"files": "**/*.parquet"}).accepted == TWO_ORDERS[:1]


def test_an_excel_sheet_goes_on_after_an_empty_row(tmp_path: Path) -> None:
    first, second = (line.split(",") for line in LINES.splitlines())
    write(tmp_path, {"o.xlsx": excel(orders=[HEADER.strip().split(","), first, [], second, []])})

    assert take(tmp_path, {"files": "o.xlsx"}).accepted == TWO_ORDERS


def test_a_property_that_comes_late_is_read_as_well(tmp_path: Path) -> None:
    early = [{"customer_id": str(n)} for n in range(10_050)]
    late = {"customer_id": "eve", "consent_marketing": "no"}
    write(tmp_path, {"c.jsonl": "\n".join(map(json.dumps, [*early, late]))})

    taken = take(tmp_path, {"files": "c.jsonl"}, "customer_id, consent_marketing", "customers")

    assert [answer for customer, answer in taken.accepted if customer == "eve"] == [False]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_json_lines_with_a_mark_at_the_start(tmp_path: Path, encoding: str) -> None:
    orders = [{"order_id": o, "customer_id": c, "ordered_at": str(t), "amount": a} for o, c, t, a in TWO_ORDERS]
    write(tmp_path, {"o.jsonl": "\n".join(map(json.dumps, orders)).encode(encoding)})

    assert take(tmp_path, {"files": "o.jsonl"}).accepted == TWO_ORDERS


def test_json_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"o.jsonl": '{"a":' * 3000 + "1" + "}" * 3000})

    assert "nested too deeply" in refusal(tmp_path, {"files": "o.jsonl"}).what


def test_a_cell_of_140_kilobytes_among_the_first_lines(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": HEADER.strip() + ",channel\n1,ann,2017-03-01,5.5," + "x" * 140_000 + "\n"})

    taken = take(tmp_path, {"files": "o.csv"})

    assert len(taken.accepted) + len(taken.aside) == 1


def test_a_line_that_no_reader_can_hold_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": HEADER + LINES + "3,eve,2017-03-01," + "9" * (31 << 20) + "\n"})

    assert "has a line of more than 30 MB, after 3 others" in refusal(tmp_path, {"files": "o.csv"}).what
