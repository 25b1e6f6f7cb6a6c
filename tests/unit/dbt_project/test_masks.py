"""A mask shows what the issue allows and never a whole value, whatever stands in the column.

The macros are plain Jinja: they are rendered here without dbt.
"""

import functools
from collections.abc import Iterator
from typing import Any

import duckdb
import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.dbt import PROJECT

# macros know each other across files in dbt; here they are one template
SOURCES = ("personal_data", "masks")


@functools.cache
def macros() -> Any:
    text = "".join((PROJECT / "macros" / f"{name}.sql").read_text(encoding="utf-8") for name in SOURCES)
    return jinja2.Template(text).module


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def masks(connection: duckdb.DuckDBPyConnection, kinds: tuple[str, ...], values: list[str | None]) -> list[Any]:
    """Per value: its mask as each of the kinds."""
    masked = ", ".join(macros().masked("v", kind) for kind in kinds)
    return connection.execute(f"SELECT {masked} FROM (SELECT unnest($1::VARCHAR[]) AS v)", [values]).fetchall()


def personal_ones(connection: duckdb.DuckDBPyConnection, values: list[str]) -> list[Any]:
    query = f"SELECT v FROM (SELECT unnest($1::VARCHAR[]) AS v) WHERE {macros().looks_personal('v')}"
    return connection.execute(query, [values]).fetchall()


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("phone", "13812341234", "138****1234"),
        ("phone", " 138-1234-1234 ", "138****1234"),
        ("phone", "+86 138 1234 1234", "861****1234"),
        ("phone", "13812341234.0", "138****1234"),  # something read it as a number
        ("phone", "+4915123456789", "491****6789"),
        ("phone", "12345", "****"),
        ("phone", "5551234567", "****"),  # seven digits shown of ten would be no mask
        ("phone", "+33 612345", "****"),
        ("phone", "Ada 13812341234", "****"),
        ("phone", "ada@example.com", "****"),
        ("phone", "13812341234 13912341234", "****"),  # two of them
        ("phone", "", "****"),
        ("email", "ada@example.com", "a***@example.com"),
        ("email", " Ada@Example.com ", "A***@Example.com"),
        ("email", "иван@почта.рф", "и***@почта.рф"),
        ("email", "a@example.com", "***@example.com"),
        ("email", "e\u0301@example.com", "***@example.com"),  # e with a combining accent: one letter
        ("email", "@ada_lovelace.private", "***"),
        ("email", "ada@lovelace", "***"),
        ("email", "ada@example.com, bob@example.com", "***"),
        ("email", "Ada <ada@example.com>", "***"),
        ("email", "nonsense", "***"),
        ("name", "Ada Lovelace", "A***"),
        ("name", " Ada", "A***"),
        ("name", "李雷", "李***"),
        ("name", "李", "***"),
        ("name", "X", "***"),
        ("name", "e\u0301", "***"),
        ("name", "e\u0301lodie", "e\u0301***"),
        ("name", "𝒜da", "𝒜***"),  # beyond the basic plane
        ("name", "", "***"),
        ("id_number", "110101199001011234", "***1234"),
        ("id_number", "078-05-1120", "***1120"),
        ("id_number", "DE89 3704 0044 0532 0130 00", "***3000"),
        ("id_number", "1234", "***"),
        ("id_number", "1234567", "***"),
        ("id_number", "", "***"),
        ("address", "12 Main Street, Springfield", "***"),
        ("text", "ring 13812341234 or ada@example.com, id 078-05-1120", "ring **** or ***, id ***"),
        ("text", "13812341234 13912341234,13712341234", "**** ****,****"),
        ("text", "+4915123456789-13812341234", "****-****"),  # the second shows only once the first is gone
        ("text", "nothing of the kind", "nothing of the kind"),
        ("text", '{"contact": "ada@example.com", "n": 3}', '{"contact": "***", "n": 3}'),
    ],
)
def test_what_is_shown(kind: str, value: str, shown: str, connection: duckdb.DuckDBPyConnection) -> None:
    assert masks(connection, (kind,), [value]) == [(shown,)]


KINDS = ("phone", "email", "name", "id_number", "address", "text")


def test_nothing_stays_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    assert masks(connection, KINDS, [None]) == [(None,) * len(KINDS)]


phones = st.builds(
    "{}{}".format,
    st.sampled_from(["138", "+86138", "0049 151 ", "+1 (555) "]),
    st.from_regex(r"[0-9]{8}", fullmatch=True),
)
mailboxes = st.text("abcXYZ.e\u0301+李", min_size=1, max_size=9)
emails = st.builds("{}@{}".format, mailboxes, st.sampled_from(["example.com", "x.de"]))
pieces = st.one_of(phones, emails, st.text("ab 12-.,+()", max_size=12))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.one_of(phones, emails, st.text("ae\u0301李- 019@.x", min_size=1, max_size=20)), min_size=20, max_size=40
    )
)
def test_no_mask_shows_a_whole_value_or_looks_like_one(
    connection: duckdb.DuckDBPyConnection, values: list[str]
) -> None:
    """Of a phone or id number at least four digits are hidden, of a name or mailbox all but the first letter."""
    kinds = ("phone", "email", "name", "id_number")
    rows = masks(connection, kinds, values)
    assert personal_ones(connection, [mask for row in rows for mask in row]) == []
    for value, (phone, email, name, id_number) in zip(values, rows, strict=True):
        for mask in (phone, id_number):
            assert mask == "*" * len(mask) or sum(c.isalnum() for c in mask) <= sum(c.isalnum() for c in value) - 4
        assert name.endswith("***")
        assert len(name.replace("\u0301", "")) <= 4
        assert len(email.split("***")[0].replace("\u0301", "")) <= 1
        if value.strip():
            assert not any(value.strip() in mask for mask in (phone, email, name, id_number))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(pieces, max_size=5).map(" ".join), min_size=10, max_size=20))
def test_after_redaction_nothing_looks_personal(connection: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    assert personal_ones(connection, [text for (text,) in masks(connection, ("text",), texts)]) == []
