"""Which columns of a table hold personal data: because somebody says so, by their name, or by their values.

The patterns of phones, e-mail addresses and id numbers are those of the dbt project
(``macros/personal_data.sql``, plain Jinja, rendered here): what is found here is what dbt masks, and
what dbt's test of the marts looks for.
"""

import functools
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jinja2  # dbt's own language of macros

from infra.dbt import PROJECT
from infra.privacy.personal_names import kind_of
from infra.sections import Privacy
from infra.sources.rows import sql_text
from infra.warehouse import Connection

LOOKED_AT = 20_000  # distinct values by which a kind is told
MOSTLY = 0.5  # a column is of a kind when more than this share of its distinct values are
SHORTEST = 9  # characters of the shortest phone or id number


@dataclass(frozen=True)
class PersonalColumn:
    """A column with personal data in it.

    ``kind`` is ``text`` where they stand here and there in a text, else the kind that most of its
    values are. ``share`` is that of its distinct values that show it: of all of them for ``text``,
    else of at most ``LOOKED_AT`` of them (those of the smallest hash, so that the answer stays the same).
    """

    column: str
    kind: str
    share: float
    how: Literal["declared", "name", "values"]


def detect(
    connection: Connection,
    relation: str,
    columns: Sequence[str],
    declared: Mapping[str, str],
    not_personal: Collection[str],
    *,
    by_name: bool = True,
) -> list[PersonalColumn]:
    """The personal ones among ``columns`` of ``relation`` (a table, or a query in parentheses).

    What is declared wins. Else values decide; a name such as ``phone`` only lowers what they must look
    like. A phone in a single cell is found: every distinct value is looked at. People's names are told by
    a column's name alone, so a caller who knows that ``name`` is an article's passes it as ``not_personal``.
    Values are read more than once: pass a table rather than a file.
    """
    types = dict(connection.execute(f"SELECT column_name, column_type FROM (DESCRIBE FROM {relation})").fetchall())
    asked = [
        column
        for column in columns
        if column in declared or (column not in not_personal and not types[column].startswith(_NEVER))
    ]
    texts = {column: _text(column, types[column]) for column in asked}
    hints = {column: kind_of(column) if by_name else None for column in asked}
    promising = _promising(connection, relation, texts)
    likely = {c: text for c, text in texts.items() if c in declared or hints[c] or c in promising}
    distinct = _one_a_column(connection, relation, likely, "approx_count_distinct({})")
    found = (
        _judge(_Values(connection, relation, text, distinct[column]), column, declared.get(column), hints[column])
        for column, text in likely.items()
    )
    return [column for column in found if column is not None]


def test_of(kind: str) -> str:
    """SQL: whether the text ``v`` is of a kind that values can tell; ``text``: holds a phone, e-mail or id number."""
    return _KINDS[kind] if kind != "text" else str(_macros().looks_personal("v"))


def fingerprint(privacy: Privacy) -> str:
    """A label of everything that decides what is found."""
    meant = {"personal": privacy.personal, "not_personal": sorted(privacy.not_personal)}
    told = json.dumps(meant, sort_keys=True) + test_of("text")
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def _promising(connection: Connection, relation: str, texts: Mapping[str, str]) -> set[str]:
    """Columns with a value long enough for a number, or with an @."""
    test = f"bool_or(strlen({{0}}) >= {SHORTEST} OR contains({{0}}, '@'))"
    return {column for column, holds in _one_a_column(connection, relation, texts, test).items() if holds}


def _one_a_column(connection: Connection, relation: str, texts: Mapping[str, str], aggregate: str) -> dict[str, Any]:
    """An aggregate of every column, in one pass over the rows."""
    if not texts:
        return {}
    aggregates = ", ".join(aggregate.format(text) for text in texts.values())
    answers = connection.execute(f"SELECT {aggregates} FROM {relation}").fetchone() or ()
    return dict(zip(texts, answers, strict=True))


@dataclass(frozen=True)
class _Values:
    """The distinct values of a column, about ``distinct`` of them."""

    connection: Connection
    relation: str
    text: str
    distinct: int

    def shares(self, tests: Mapping[str, str]) -> dict[str, float]:
        """The share of values that pass each test; of a sample by their hash where there are many."""
        sampled = f"WHERE hash(v) < {int(2**64 * LOOKED_AT / self.distinct)}" if self.distinct > LOOKED_AT else ""
        counts = ", ".join(f"count(*) FILTER ({test})" for test in tests.values())
        total, *numbers = self._one(f"SELECT count(*), {counts} FROM (SELECT DISTINCT v FROM {self._rows} {sampled})")
        return {name: number / max(total, 1) for name, number in zip(tests, numbers, strict=True)}

    def share(self, test: str) -> float:
        """The share of all values that pass a test, nought only if none does."""
        if self.distinct <= 1_000_000:
            (share,) = self._one(f"SELECT avg(CAST({test} AS INT)) FROM (SELECT DISTINCT v FROM {self._rows})")
            return share or 0.0
        # a hash table of all of them would cost more memory than looking at some twice costs time
        (number,) = self._one(f"SELECT count(DISTINCT v) FILTER ({test}) FROM {self._rows}")
        return min(number / self.distinct, 1.0)

    @property
    def _rows(self) -> str:
        return f"(FROM (SELECT {self.text} AS v FROM {self.relation}) WHERE v IS NOT NULL AND trim(v) <> '')"

    def _one(self, query: str) -> tuple[Any, ...]:
        return self.connection.execute(query).fetchone() or ()


def _judge(values: _Values, column: str, declared: str | None, hint: str | None) -> PersonalColumn | None:
    shares = values.shares({**_KINDS, "text": test_of("text")} | ({"named": _NAMED[hint]} if hint else {}))
    if declared is not None:
        return PersonalColumn(column, declared, shares.get(declared, 0.0), "declared")
    if hint and shares["named"] > MOSTLY:
        return PersonalColumn(column, hint, shares["named"], "name")
    likeliest = max(_KINDS, key=lambda kind: shares[kind])
    if shares[likeliest] > MOSTLY:
        return PersonalColumn(column, likeliest, shares[likeliest], "values")
    in_text = shares["text"] if values.distinct <= LOOKED_AT else values.share(test_of("text"))
    return PersonalColumn(column, "text", in_text, "values") if in_text else None


_NEVER = ("BOOLEAN", "DATE", "TIME", "INTERVAL", "BLOB", "UUID")  # types that hold nothing of the kind


def _text(column: str, sql_type: str) -> str:
    """A column as text; of numbers the whole ones, as they were written before something read them as numbers."""
    quoted = '"' + column.replace('"', '""') + '"'
    if sql_type.startswith(("DOUBLE", "FLOAT", "DECIMAL")):
        return f"CASE WHEN {quoted} = floor({quoted}) THEN CAST(try_cast({quoted} AS HUGEINT) AS VARCHAR) END"
    return quoted if sql_type == "VARCHAR" else f"CAST({quoted} AS VARCHAR)"


@functools.cache
def _macros() -> Any:
    source = (PROJECT / "macros" / "personal_data.sql").read_text(encoding="utf-8")
    return jinja2.Template(source).module


def _is_card() -> str:
    """A card number whose check digit is right (ISO/IEC 7812: Luhn), bare or in groups."""
    form = r"(?:4\d|5[1-5]|2[2-7]|35|6\d)\d\d(?:[ -]?\d{4}){3}|3[47]\d\d[ -]?\d{6}[ -]?\d{5}"
    digits = "regexp_replace(v, '[^0-9]', '', 'g')"
    digit = f"CAST({digits}[i] AS INTEGER)"
    doubled = f"(length({digits}) - i) % 2 = 1"  # every second one from the right
    summed = f"list_sum([CASE WHEN {doubled} THEN 2 * {digit} // 10 + 2 * {digit} % 10 ELSE {digit} END"
    is_right = f"{summed} FOR i IN range(1, length({digits}) + 1)]) % 10 = 0"
    return f"CASE WHEN regexp_full_match(v, '{form}') THEN {is_right} ELSE false END"  # AND would check every value


_STREETS = r"street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|place|square|terrace|crescent|close"
_STREETS_BEFORE = (
    r"rue|avenue|boulevard|chemin|impasse|calle|avenida|paseo|via|viale|piazza|corso|rua|travessa|ulica|ul\."
)
_ADDRESS = "|".join(
    (
        rf"\b\d{{1,5}}[a-z]?,? (?:[^\s\d]+ ){{1,4}}(?:{_STREETS})\b",
        rf"(?:^|\s)\d{{1,4}}(?: bis)?,? (?:{_STREETS_BEFORE}) [^\s\d]",
        rf"(?:^|\s)(?:{_STREETS_BEFORE}) (?:[^\s\d]+ ){{1,5}}\d{{1,5}}\b",
        r"(?:straße|strasse|str\.|weg|platz|allee|gasse|straat|laan|gatan|vej) \d{1,4}[a-z]?\b",
        r"[路街道巷弄].{0,8}\d+号|丁目",
    )
)

# the kinds that values alone can tell; a person's name looks like any words
_KINDS = {
    "phone": f"regexp_matches(v, '{_macros().phone_pattern()}')",
    "email": f"regexp_matches(v, '{_macros().email_pattern()}')",
    "id_number": f"(regexp_matches(v, '{_macros().id_number_pattern()}') OR {_is_card()})",
    "address": f"regexp_matches(v, {sql_text('(?i)' + _ADDRESS)})",
}
# what the values of a column must look like at least, when its name speaks already
_NAMED = {
    "phone": r"regexp_full_match(v, '\+?\(?\d(?:[ ()/-]{0,2}\d){6,14}(?:\.0)?|\d{2,4}(?:\.\d{2,4}){2,4}') "
    "AND try_cast(v AS DATE) IS NULL",
    "email": "contains(v, '@')",
    "id_number": r"regexp_matches(v, '(?:\d.*){4}') AND length(v) <= 40",
    "address": r"length(v) >= 5 AND (regexp_matches(v, '\pL.*[\s\d,]|\d.*\s\pL|[\p{Han}\p{Hangul}]') "
    r"OR regexp_full_match(v, '[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]+'))",
    "name": r"regexp_full_match(v, '[\pL][\pL\pM .,''’-]{0,59}')",
}
