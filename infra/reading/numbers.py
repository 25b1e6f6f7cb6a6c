"""Numbers as exports write them: 1234.5 · 1,234.50 · 1.234,50 · 1 234,5 · € 12.50 · (12.50) · 12.50-.

Whether a comma is a decimal one is a property of a column, not of a value: ``1,234`` alone says
nothing. So a column is asked for evidence: a last separator that is not followed by exactly three
digits, or two different separators. Where a column holds both ways, each value that shows its own
way is read so, and the others are not read at all. A column without evidence follows its neighbours.
"""

from collections.abc import Sequence
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


def is_ambiguous(text: str) -> str:
    """SQL: by itself, the text does not tell decimals from thousands."""
    return f"regexp_full_match({text}, '-?\\d{{1,3}}[.,]\\d{{3}}')"


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


def decimal_commas(table: str, texts: Sequence[str], told: bool | None, connection: Any) -> dict[str, bool | None]:
    """What each column shows: a decimal comma, none, or nothing for certain (None); ``told`` wins.

    A column that could be read in two ways (1.000, 2,500) is read as the table's other columns are,
    if these agree.
    """
    if told is not None:
        return dict.fromkeys(texts, told)
    counts = ", ".join(
        f"count(*) FILTER ({_shows(text, ',', '.')}), count(*) FILTER ({_shows(text, '.', ',')}), "
        f"count(*) FILTER ({is_ambiguous(text)}), count(*) FILTER (contains({text}, ','))"
        for text in texts
    )
    found = connection.execute(f"SELECT {counts} FROM {table}").fetchone()
    shown = {text: found[4 * n : 4 * n + 4] for n, text in enumerate(texts)}
    commas, points = (any(counted[side] for counted in shown.values()) for side in (0, 1))
    agreed = commas if commas != points else None
    return {text: _of_column(agreed, *counted) for text, counted in shown.items()}


def _of_column(agreed: bool | None, commas: int, points: int, ambiguous: int, any_comma: int) -> bool | None:
    if commas or points:
        return None if commas and points else bool(commas)
    if ambiguous and agreed is not None:
        return agreed
    return None if any_comma else False
