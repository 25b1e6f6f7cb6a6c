"""Times as exports write them, beyond ISO 8601: 3/4/2017 8:26 PM · 03.04.17 · 20170403 · 3-Apr-2017 · epochs.

Whether 3/4/2017 is in March or in April is a property of a column: a part above 12 in any of its
values tells. Where values contradict each other, those that tell are read and the others are not;
with dots the day is first, as everywhere where dots are used, and that says nothing about slashes.
"""

from typing import Any

_DAY_MONTH = "^(\\d{1,2})([/.-])(\\d{1,2})[/.-](\\d{4}|\\d{2})(?:[ T,]+(.*))?$"
_CLOCKS = ["%H:%M:%S.%f", "%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "%I:%M%p"]
_NAMED = [
    f"{date}{clock}"
    for date in ("%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y")
    for clock in ("", *(f"{gap}{clock}" for gap in (" ", ", ") for clock in _CLOCKS))
]
_TWELVE_HOURS = [f"%Y-%m-%d {clock}" for clock in _CLOCKS if "%p" in clock]
_OFFSET = ":\\d{2}[^-+Z]*(Z|[+-]\\d{2}(:?\\d{2})?|UTC|GMT|[A-Z][a-z]+/[A-Za-z_/]+)$"
_ISO = (  # 2017.4.3T10:05Z → 2017-4-3T10:05:00Z
    "regexp_replace(regexp_replace(replace({text}, ',', '.'), "
    "'^(\\d{{4}})[-./ ](\\d{{1,2}})[-./ ](\\d{{1,2}})', '\\1-\\2-\\3'), "
    "'([T ]\\d{{1,2}}:\\d{{2}})(Z|[+-]| |$)', '\\1:00\\2')"
)

# rule → (shape of the text, SQL of the time; {text} stands for it). These tell the instant itself:
_INSTANTS: dict[str, tuple[str, str]] = {
    "epoch seconds": (
        "^\\d{9,10}(\\.\\d+)?$",
        "make_timestamp(CAST(round(1000 * try_cast({text} AS DOUBLE)) AS BIGINT) * 1000)",
    ),
    "epoch milliseconds": ("^\\d{12,13}(\\.0)?$", "make_timestamp(1000 * CAST(try_cast({text} AS DOUBLE) AS BIGINT))"),
    "epoch microseconds": ("^\\d{15,16}$", "make_timestamp(try_cast({text} AS BIGINT))"),
    "compact time in UTC": (
        "^(19|20)\\d{6}[T ]?\\d{6}Z$",
        "try_strptime(regexp_replace({text}, '[TZ ]', '', 'g'), '%Y%m%d%H%M%S')",
    ),
    "year first, with an offset": (
        "^\\d{4}[-./ ]\\d{1,2}[-./ ]\\d{1,2}.*" + _OFFSET,
        f"try(CAST(try_cast({_ISO} AS TIMESTAMPTZ) AS TIMESTAMP))",
    ),
}
# and these what a clock on a wall showed:
_WALL_CLOCK: dict[str, tuple[str, str]] = {
    "compact date": ("^(19|20)\\d{6}$", "try_strptime({text}, '%Y%m%d')"),
    "compact date and a clock": (
        "^(19|20)\\d{6} \\d{1,2}:\\d{2}(:\\d{2})?$",
        "try_strptime({text}, ['%Y%m%d %H:%M:%S', '%Y%m%d %H:%M'])",
    ),
    "compact time": (
        "^(19|20)\\d{6}[T ]?\\d{6}$",
        "try_strptime(regexp_replace({text}, '[T ]', '', 'g'), '%Y%m%d%H%M%S')",
    ),
    "Excel days": (
        "^[2-6]\\d{4}(\\.\\d+)?$",
        "TIMESTAMP '1899-12-30' + to_milliseconds(CAST(round(86400000 * try_cast({text} AS DOUBLE)) AS BIGINT))",
    ),
    "year first, twelve hours": (
        "^\\d{4}[-./]\\d{1,2}[-./]\\d{1,2} .*[AaPp][Mm]$",
        f"try_strptime(upper(regexp_replace({{text}}, '[./]', '-', 'g')), [{', '.join(map(repr, _TWELVE_HOURS))}])",
    ),
    "year first": ("^\\d{4}[-./ ]\\d{1,2}[-./ ]\\d{1,2}.*$", f"try_cast({_ISO} AS TIMESTAMP)"),
}


def expression(text: str, day_first: bool | None, zone: str = "UTC") -> str:
    """SQL of the time in UTC that a text stands for, by a clock of ``zone``; NULL when it stands for none."""
    instants, on_the_wall = (_cases(text, shapes) for shapes in (_INSTANTS, _WALL_CLOCK))
    wall = (
        f"CASE WHEN regexp_full_match({text}, '{_day_month_shape()}') THEN {_day_month(text, day_first)} "
        # the engine knows 'epoch' and 'infinity' whatever the format
        f"{on_the_wall} WHEN regexp_matches({text}, '\\d') THEN try_strptime({text}, [{_formats(_NAMED)}]) END"
    )
    return f"CASE {instants} ELSE {in_utc(None, wall, zone)} END"


def rule(text: str) -> str:
    """SQL of the name of the shape that a text has."""
    dotted = _day_month_shape().replace("[/.-]", "[.]")
    shapes = {"day first": (dotted, ""), "day and month": (_day_month_shape(), "")} | _INSTANTS | _WALL_CLOCK
    cases = [f"WHEN regexp_full_match({text}, '{shape}') THEN '{name}'" for name, (shape, _) in shapes.items()]
    return f"CASE {' '.join(cases)} ELSE 'named month' END"


def is_ambiguous(text: str) -> str:
    """SQL: by itself, the text does not tell its day from its month."""
    part = "(0?[1-9]|1[0-2])"
    return f"regexp_matches({text}, '^{part}[/-]{part}[/-]\\d')"


def _cases(text: str, shapes: dict[str, tuple[str, str]]) -> str:
    return " ".join(
        f"WHEN regexp_full_match({text}, '{shape}') THEN {sql.format(text=text)}" for shape, sql in shapes.values()
    )


def _day_month_shape() -> str:
    return _DAY_MONTH.strip("^$")


def _part(text: str, group: int) -> str:
    return f"regexp_extract({text}, '{_DAY_MONTH}', {group})"


def _day_month(text: str, day_first: bool | None) -> str:
    first, second = f"try_cast({_part(text, 1)} AS INTEGER)", f"try_cast({_part(text, 3)} AS INTEGER)"
    is_day_first = f"CASE WHEN {first} > 12 THEN true WHEN {second} > 12 THEN false END"
    if day_first is not None:
        is_day_first = str(day_first).lower()
    by_dots = "true" if day_first is not False else f"{second} <= 12"
    is_day_first = f"CASE WHEN {_part(text, 2)} = '.' THEN {by_dots} ELSE {is_day_first} END"
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
        f"SELECT count(*) FILTER ({first} > 12), count(*) FILTER ({second} > 12) FROM {table} "
        f"WHERE {_part(text, 2)} <> '.'"
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
    return f"CASE WHEN regexp_matches({text}, '{_OFFSET}') THEN {naive} ELSE {moved} END"
