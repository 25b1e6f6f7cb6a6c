"""Generated dirt: every line of a file is accepted or set aside, and what is accepted means what a slow reader says.

The slow reader is Python's: csv, decimal, datetime, one cell at a time. It says how a cell may be
read; where it sees two ways and the column does not decide, the line must be set aside.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Collection
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from company_examples import Taken, take, write
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import AimloopError
from infra.sections import Cleaning

examples = settings(max_examples=30, deadline=None, derandomize=True, database=None)
HEADER = ["order_id", "customer_id", "ordered_at", "amount"]


# ── the slow reader ───────────────────────────────────────────────────────────────────────────


def amounts(cell: str) -> dict[str, Decimal]:
    """decimal sign → what the cell says so read."""
    bare = re.sub(r"[€$£ ]|^\+|^[A-Z]{3}|[A-Z]{3}$", "", cell.strip(" "))
    sign = -1 if re.fullmatch(r"\(.*\)|.*-", bare) else 1
    bare = re.sub(r"^\(|\)$|-$", "", bare) if sign < 0 else bare
    found = {}
    for decimal, thousands in ((".", ","), (",", ".")):
        shape = rf"-?(\d+|\d{{1,3}}(\{thousands}\d{{3}})+)?(\{decimal}\d*)?"
        if re.fullmatch(shape, bare) and re.search(r"\d", bare):
            found[decimal] = sign * Decimal(bare.replace(thousands, "").replace(decimal, "."))
    if re.fullmatch(r"[+-]?\d+(\.\d*)?[eE]\d{1,2}", cell.strip(" ")):
        found["."] = Decimal(cell.strip(" "))
    return found


def shown_signs(column: list[str]) -> set[str]:
    """Decimal signs that some cell of the column shows to be one."""
    return {
        decimal
        for cell in column
        for decimal, other in ((".", ","), (",", "."))
        if re.search(rf"\{decimal}(\d{{1,2}}|\d{{4,}})\D*$", cell) or re.search(rf"\{other}.*\{decimal}", cell)
    }


def possible_amounts(cell: str, column: list[str]) -> set[float]:
    found = amounts(cell)
    if len(set(found.values())) > 1:
        shown = shown_signs(column)
        if not shown and not any("," in other for other in column):
            shown = {"."}  # nothing speaks against what every program writes
        found = {sign: value for sign, value in found.items() if shown == {sign}}
    return {float(value) for value in found.values()}


FORMATS = ["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y%m%d", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d-%b-%Y"]
TWO_WAYS = {"day": ("%d/%m/%Y", "%d/%m/%y"), "month": ("%m/%d/%Y", "%m/%d/%y")}


def time_in(cell: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(cell, form)
    except ValueError:
        return None


def two_ways(cell: str) -> dict[str, datetime]:
    """What comes first → the day that a cell with slashes then is."""
    return {first: time for first, forms in TWO_WAYS.items() for form in forms if (time := time_in(cell, form))}


def possible_times(cell: str, column: list[str]) -> set[datetime]:
    cell = cell.strip(" ")
    found = {time for form in FORMATS if (time := time_in(cell, form))}
    if re.fullmatch(r"\d{9,10}", cell):
        found = {datetime(1970, 1, 1) + (datetime.fromtimestamp(int(cell)) - datetime.fromtimestamp(0))}
    ways = two_ways(cell)
    if len(set(ways.values())) > 1:
        told = {first for value in column if len(shown := two_ways(value.strip(" "))) == 1 for first in shown}
        ways = {first: time for first, time in ways.items() if told == {first}}
    return found | set(ways.values())


# ── dirt ──────────────────────────────────────────────────────────────────────────────────────

garbage = st.text(st.sampled_from("ab19.,-/€$()'\" \n;|\té王🍎\u200b\\%"), max_size=8)
numbers = st.builds(
    lambda cents, form: form(cents),
    st.integers(-(10**7), 10**7),
    st.sampled_from(
        [
            lambda n: f"{n / 100:.2f}",
            lambda n: f"{n / 100:,.2f}",
            lambda n: f"{n / 100:.2f}".replace(".", ","),
            lambda n: f"{n:,}",
            lambda n: f"{n:,}".replace(",", "."),
            lambda n: f"€ {n / 100:.1f}",
            lambda n: f"({abs(n) / 100:.2f})",
            lambda n: f"{n / 1000:.3f}",
            str,
        ]
    ),
)
moments = st.builds(
    lambda moment, form: moment.strftime(form),
    st.datetimes(datetime(1999, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from([*FORMATS, *TWO_WAYS["day"], *TWO_WAYS["month"], "%Y-%m-%dT%H:%M:%S", "at %H:%M"]),
)
rows = st.lists(
    st.tuples(
        st.one_of(st.sampled_from(["ann", "bob", "12345", "12345.0", "guest"]), garbage),
        st.one_of(moments, moments, garbage),
        st.one_of(numbers, numbers, garbage),
        st.integers(-1, 1),
    ),
    min_size=1,
    max_size=10,
)


def taken_from(name: str, content: bytes, **conventions: object) -> Taken:
    with TemporaryDirectory() as folder:
        write(Path(folder), {name: content})
        return take(Path(folder), {"files": name, **conventions}, ", ".join(HEADER))


def is_known_customer(cell: str) -> bool:
    cleaning = Cleaning()
    return bool(cell.strip(" ")) and cell.strip(" ").lower() not in {*cleaning.unknown_customers, *cleaning.empty_words}


def check(
    taken: Taken,
    written: list[tuple[str, str, str]],
    normal: Callable[[str], str] = str,
    ragged: Collection[int] = (),
) -> None:
    """Each accepted line means what the slow reader says; plain lines that are whole are accepted."""
    whole = [row for number, row in enumerate(written) if number not in ragged]  # a column is what these show
    times, prices = [row[1] for row in whole], [row[2] for row in whole]
    for order_id, customer, ordered_at, amount in taken.accepted:
        who, when, price = written[int(order_id)]
        assert customer == re.sub(r"^(-?\d+)\.0$", r"\1", normal(who).strip(" "))
        assert ordered_at in possible_times(when, times) | {time_in(when.strip(" "), "%Y-%m-%dT%H:%M:%S")}, when
        assert amount in possible_amounts(price, prices), price
    accepted = {int(row[0]) for row in taken.accepted}
    for number, (who, when, price) in enumerate(written):
        is_plain = time_in(when, "%Y-%m-%d") and re.fullmatch(r"[1-9]\d*\.\d\d", price) and is_known_customer(who)
        if is_plain and number not in ragged and not any("," in other for other in prices):
            assert number in accepted or "absurd" in str(taken.aside), (who, when, price)


# ── CSV ───────────────────────────────────────────────────────────────────────────────────────


@examples
@given(
    rows=rows,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    newline=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_every_line_of_a_csv_file_is_accounted_for_and_read_as_python_reads_it(
    rows: list[tuple], delimiter: str, newline: str, encoding: str, quoting: int
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=newline, quoting=quoting)
    writer.writerow(HEADER)
    for number, (*cells, ragged) in enumerate(rows):
        line = [str(number), *cells]
        writer.writerow(line[:-1] if ragged < 0 else [*line, "more"] if ragged > 0 else line)

    conventions = {"delimiter": delimiter, "encoding": encoding.removesuffix("-sig")}
    taken = taken_from("o.csv", out.getvalue().encode(encoding), **conventions)

    assert len(taken.accepted) + len(taken.aside) == len(rows)
    assert len(taken.aside) >= sum(ragged != 0 for *_, ragged in rows)
    ragged = {number for number, (*_, cells) in enumerate(rows) if cells}
    check(taken, [(who, when, price) for who, when, price, _ in rows], lambda text: text, ragged)


@examples
@given(
    lines=st.text(st.sampled_from("ab1,;\"'\n\r\0 .é王|\t\x1a"), max_size=120),
    encoding=st.sampled_from(["utf-8", "utf-16", "gb18030"]),
    cut=st.integers(0, 3),
)
def test_no_text_at_all_makes_it_stumble(lines: str, encoding: str, cut: int) -> None:
    content = (",".join(HEADER) + "\n0,ann,2017-03-01,5\n" + lines).encode(encoding)

    try:
        taken = taken_from("o.csv", content[: len(content) - cut])
    except AimloopError:
        return

    physical = len(re.findall(r"[^\r\n]+", lines)) + 1
    assert 0 < len(taken.accepted) + len(taken.aside) <= physical


# ── JSON lines ────────────────────────────────────────────────────────────────────────────────

json_lines = st.one_of(
    st.tuples(garbage, moments, numbers),
    st.sampled_from(["null", "17", "[1]", '"x"', '{"order_id": 1', "}", "no", '{"a":}', "{{}}", "\\", "nan"]),
)


@examples
@given(lines=st.lists(json_lines, min_size=1, max_size=10))
def test_every_line_of_a_json_file_is_accounted_for(lines: list) -> None:
    """The first line is a whole one: without any, the file is refused."""
    first = {"order_id": "0", "customer_id": "ann", "ordered_at": "2017-03-01", "amount": "5"}
    rows = [("ann", "2017-03-01", "5"), *lines]
    texts = [json.dumps(first)] + [
        line if isinstance(line, str) else json.dumps({**dict(zip(HEADER, (str(n), *line), strict=True))})
        for n, line in enumerate(lines, start=1)
    ]

    taken = taken_from("o.jsonl", "\n".join(texts).encode())

    assert len(taken.accepted) + len(taken.aside) == len(rows)
    check(taken, [("", "", "") if isinstance(row, str) else row for row in rows])
