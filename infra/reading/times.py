"""Times as exports write them, beyond ISO 8601: 3/4/2017 8:26 PM · 03.04.17 · 20170403 · 3-Apr-2017 · epochs.

Whether 3/4/2017 is in March or in April is a property of a column: a part above 12 in any of its
values tells. Where values contradict each other, those that tell are read and the others are not;
with dots the day is first, as everywhere where dots are used.
"""

from typing import Any

_DAY_MONTH = "^(\\d{1,2})([/.-])(\\d{1,2})[/.-](\\d{4}|\\d{2})(?:[ T,]+(.*))?$"
_CLOCKS = ["%H:%M:%S.%f", "%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "%I:%M%p"]
_NAMED = [
    f"{date}{clock}"
    for date in ("%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y")
    for clock in ("", *(f" {clock}" for clock in _CLOCKS))
]
_SEVERAL = "'ambiguous'"

# rule → (shape of the text, SQL of the time; {text} stands for it)
_SHAPES: dict[str, tuple[str, str]] = {
    "compact date": ("^(19|20)\\d{6}$", "try_strptime({text}, '%Y%m%d')"),
    "compact time": (
        "^(19|20)\\d{6}[T ]?\\d{6}Z?$",
        "try_strptime(regexp_replace({text}, '[TZ ]', '', 'g'), '%Y%m%d%H%M%S')",
    ),
    "epoch seconds": ("^\\d{9,10}(\\.\\d+)?$", "make_timestamp(CAST(1000000 * try_cast({text} AS DOUBLE) AS BIGINT))"),
    "epoch milliseconds": ("^\\d{12,13}$", "make_timestamp(1000 * try_cast({text} AS BIGINT))"),
    "epoch microseconds": ("^\\d{15,16}$", "make_timestamp(try_cast({text} AS BIGINT))"),
    "Excel days": (
        "^[2-6]\\d{4}(\\.\\d+)?$",
        "date_trunc('millisecond', TIMESTAMP '1899-12-30' + INTERVAL 1 DAY * 0 "
        "+ to_microseconds(CAST(round(86400000 * try_cast({text} AS DOUBLE)) AS BIGINT) * 1000))",
    ),
    "year first": (
        "^\\d{4}[./ ]\\d{1,2}[./ ]\\d{1,2}.*$",
        "try_cast(regexp_replace({text}, '^(\\d{{4}})[./ ](\\d{{1,2}})[./ ](\\d{{1,2}})', '\\1-\\2-\\3') AS TIMESTAMP)",
    ),
}


def expression(text: str, day_first: bool | None) -> str:
    """SQL of the time (naive, as written) that a text stands for; NULL when it stands for none."""
    cases = [f"WHEN regexp_full_match({text}, '{_day_month_shape()}') THEN {_day_month(text, day_first)}"]
    cases += [
        f"WHEN regexp_full_match({text}, '{shape}') THEN {sql.format(text=text)}" for shape, sql in _SHAPES.values()
    ]
    return f"CASE {' '.join(cases)} ELSE try_strptime({text}, [{_formats(_NAMED)}]) END"


def rule(text: str) -> str:
    """SQL of the name of the shape that a text has."""
    cases = [f"WHEN regexp_full_match({text}, '{_day_month_shape()}') THEN 'day and month'"]
    cases += [f"WHEN regexp_full_match({text}, '{shape}') THEN '{name}'" for name, (shape, _) in _SHAPES.items()]
    return f"CASE {' '.join(cases)} ELSE 'named month' END"


def _day_month_shape() -> str:
    return _DAY_MONTH.strip("^$")


def _part(text: str, group: int) -> str:
    return f"regexp_extract({text}, '{_DAY_MONTH}', {group})"


def _day_month(text: str, day_first: bool | None) -> str:
    first, second = f"try_cast({_part(text, 1)} AS INTEGER)", f"try_cast({_part(text, 3)} AS INTEGER)"
    is_day_first = f"CASE WHEN {first} > 12 OR {_part(text, 2)} = '.' THEN true WHEN {second} > 12 THEN false END"
    if day_first is not None:
        is_day_first = str(day_first).lower()
    year = _part(text, 4)
    full_year = f"CASE WHEN length({year}) = 2 THEN if({year} < '70', '20', '19') || {year} ELSE {year} END"
    day = f"if({is_day_first}, {first}, {second})"
    month = f"if({is_day_first}, {second}, {first})"
    midnight = f"try_strptime(printf('%s-%d-%d', {full_year}, {month}, {day}), '%Y-%m-%d')"
    clock = f"upper(trim({_part(text, 5)}))"
    on_clock = (
        f"CASE WHEN {clock} = '' THEN {midnight} "
        f"ELSE {midnight} + (try_strptime('1970-01-01 ' || {clock}, [{_formats(f'%Y-%m-%d {c}' for c in _CLOCKS)}]) "
        "- TIMESTAMP '1970-01-01') END"
    )
    return f"CASE WHEN {is_day_first} IS NOT NULL THEN {on_clock} END"


def _formats(formats: Any) -> str:
    return ", ".join(f"'{one}'" for one in formats)


def shows_day_first(table: str, text: str, told: bool | None, connection: Any) -> bool | None:
    """What a column shows: day first, month first, or nothing for certain (None); ``told`` wins."""
    if told is not None:
        return told
    first, second = f"try_cast({_part(text, 1)} AS INTEGER)", f"try_cast({_part(text, 3)} AS INTEGER)"
    days_first, months_first = connection.execute(
        f"SELECT count(*) FILTER ({first} > 12), count(*) FILTER ({second} > 12) FROM {table}"
    ).fetchone()
    if bool(days_first) == bool(months_first):
        return None
    return bool(days_first)


def in_utc(text: str | None, naive: str, zone: str) -> str:
    """SQL of a naive time of ``zone`` in UTC; a text that carries an offset has been heeded already."""
    if zone == "UTC":
        return naive
    moved = f"timezone('UTC', timezone('{zone}', {naive}))"
    if text is None:
        return moved
    offset = ":\\d{2}[^-+Z]*(Z|[+-]\\d{2}(:?\\d{2})?)$"
    return f"CASE WHEN regexp_matches({text}, '{offset}') THEN {naive} ELSE {moved} END"
