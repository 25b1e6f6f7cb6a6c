"""Numbers as exports write them: 1234.5 · 1,234.50 · 1.234,50 · 1 234,5 · € 12.50 · (12.50) · 12.50-.

Whether a comma is a decimal one is a property of a column, not of a value: ``1,234`` alone says
nothing. So a column is asked for evidence: a last separator that is not followed by exactly three
digits, or two different separators. Where a column holds both ways, each value that shows its own
way is read so, and the others are not read at all.
"""

from typing import Any

_DECORATION = "[€$£¥₹₽₩₺ \u00a0\u202f''’_]|^\\+|^[A-Z]{3}|[A-Z]{3}$"  # currencies, spaces; '' is one quote in SQL
_LAST = "{sign}(\\d{{1,2}}|\\d{{4,}})\\D*$"


def expression(text: str, decimal_comma: bool | None) -> str:
    """SQL of the number that a text stands for; NULL when it stands for none.

    ``decimal_comma`` None: the column contradicts itself or says nothing.
    """
    if decimal_comma is None:
        return (
            f"CASE WHEN {_shows(text, ',', '.')} THEN {_careful(text, ',')} "
            f"WHEN {_shows(text, '.', ',')} OR NOT regexp_matches({text}, '[.,]') THEN {_careful(text, '.')} END"
        )
    if decimal_comma:  # 1.234 would cast at once, and wrongly
        return _careful(text, ",")
    return f"coalesce(try_cast({text} AS DOUBLE), {_careful(text, '.')})"


def _careful(text: str, decimal: str) -> str:
    thousands = "." if decimal == "," else ","
    bare = f"regexp_replace({text}, '{_DECORATION}', '', 'g')"
    signed = (
        f"CASE WHEN regexp_full_match({bare}, '\\(.*\\)|.*-') "
        f"THEN '-' || regexp_replace({bare}, '[()]|-$', '', 'g') ELSE {bare} END"
    )
    shape = f"-?(\\d+|\\d{{1,3}}([{thousands}]\\d{{3}})+)?([{decimal}]\\d*)?"
    plain = f"replace(replace({signed}, '{thousands}', ''), ',', '.')"
    return f"CASE WHEN regexp_full_match({signed}, '{shape}') THEN try_cast({plain} AS DOUBLE) END"


def _shows(text: str, decimal: str, other: str) -> str:
    """SQL: the text shows that ``decimal`` is the decimal sign."""
    last = _LAST.format(sign=f"[{decimal}]")
    return f"(regexp_matches({text}, '{last}') OR regexp_matches({text}, '[{other}].*[{decimal}]'))"


def shows_decimal_comma(table: str, text: str, told: bool | None, connection: Any) -> bool | None:
    """What a column shows: a decimal comma, none, or nothing for certain (None); ``told`` wins."""
    if told is not None:
        return told
    commas, points, silent = connection.execute(
        f"SELECT count(*) FILTER ({_shows(text, ',', '.')}), count(*) FILTER ({_shows(text, '.', ',')}), "
        f"count(*) FILTER (contains({text}, ',')) FROM {table}"
    ).fetchone()
    if commas and points:
        return None
    if commas or points:
        return bool(commas)
    return None if silent else False
