"""CSV as companies export it: any delimiter, quote and encoding, with or without a header.

Every cell stays text. Lines that are no rows (too few or too many cells, something after a closing
quote, broken encoding) are told apart by the reader and kept as ``unread``.
"""

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.errors import AimloopError
from infra.sections import TableInput
from infra.sources import encodings, transcoded
from infra.sources.rows import RUNAWAY_QUOTE, Rows, quoted, sql_list, sql_paths, sql_text

csv.field_size_limit(sys.maxsize)  # how long a cell may be is DuckDB's to say

_DELIMITERS = (",", ";", "\t", "|")
_LONGEST_DELIMITER = 4
_KEPT_OF_A_LINE = 10_000  # DuckDB keeps so much of a line that is no row


@dataclass(frozen=True)
class _Dialect:
    delimiter: str
    quote: str
    encoding: str
    is_transcoded: bool
    header: tuple[str, ...] | None
    width: int

    @property
    def stream(self) -> str:
        """How DuckDB gets at the text, as options of its reader."""
        native = "encoding = 'utf-8', compression = 'none'"  # unpacked already, whatever the name says
        return native if self.is_transcoded else f"encoding = {sql_text(self.encoding)}"

    def paths(self, readable: Sequence[str]) -> str:
        """The files as a list in SQL; what is transcoded bears a name of our own."""
        return sql_list(readable) if self.is_transcoded else sql_paths(readable)

    @property
    def names(self) -> tuple[str, ...]:
        return self.header or tuple(f"column{position}" for position in range(self.width))


def rows(table: TableInput, paths: Sequence[str], empty_words: Sequence[str], connection: Any) -> Rows:
    transcoded.register(connection)
    groups: dict[_Dialect, list[str]] = {}
    for path in paths:
        dialect, readable = _dialect(table, path, connection)
        groups.setdefault(dialect, []).append(readable)
    parts = [_csv_part(dialect, files, empty_words) for dialect, files in groups.items()]
    columns = tuple(dict.fromkeys(name for dialect in groups for name in dialect.names))
    unread = " UNION ALL ".join([_rejected(groups), *_of_another_width(groups)])
    return Rows(
        " UNION ALL BY NAME ".join(parts),
        columns,
        is_text=True,
        unread=unread,
        encodings=tuple(sorted({dialect.encoding for dialect in groups})),
        empties_are_null=True,
    )


def _rejected(dialects: Iterable[_Dialect]) -> str:
    """Lines that the reader told apart, once it has read.

    Where a quote never closes it swallows what follows, and of that keeps the start, or another line
    altogether: then nobody knows which lines are missing.
    """
    quotes = " AND ".join(f"NOT contains(text, {sql_text(d.quote)})" for d in dialects if d.quote) or "false"
    return f"""
        SELECT format('{{}}:{{}}', parse_filename(path), line) AS place,
               CASE WHEN problem = 'unquoted value' AND (strlen(text) >= {_KEPT_OF_A_LINE} OR {quotes})
                    THEN {sql_text(RUNAWAY_QUOTE)} ELSE problem END AS problem, text
        FROM (SELECT s.file_path AS path, e.line, lower(min(e.error_type::VARCHAR)) AS problem,
                     trim(coalesce(any_value(e.csv_line), ''), chr(10) || chr(13)) AS text
              FROM reject_errors e JOIN reject_scans s USING (scan_id, file_id) GROUP BY s.file_path, e.line)"""


def _of_another_width(groups: Mapping[_Dialect, Sequence[str]]) -> list[str]:
    """Lines of blank-separated files with more or fewer cells than the first."""
    return [
        f"SELECT 'a line', {sql_text(f'not {dialect.width} cells')}, line "
        f"FROM read_csv({dialect.paths(files)}, {LINES}, {dialect.stream}, ignore_errors = true) "
        f"WHERE trim(line) <> '' AND len({_SPLIT}) <> {dialect.width}"
        for dialect, files in groups.items()
        if dialect.delimiter == "whitespace"
    ]


def _csv_part(dialect: _Dialect, files: Sequence[str], empty_words: Sequence[str]) -> str:
    if dialect.delimiter == "whitespace":
        lines = f"read_csv({dialect.paths(files)}, {LINES}, {dialect.stream}, store_rejects = true)"
        header = "" if dialect.header is None else f" AND cells <> {sql_list(dialect.header)}"
        words = sql_list(word.lower() for word in empty_words)
        cells = ", ".join(
            f"CASE WHEN NOT list_contains({words}, lower(cells[{i}])) THEN cells[{i}] END AS {quoted(n)}"
            for i, n in enumerate(dialect.names, start=1)
        )
        split = f"SELECT {_SPLIT} AS cells FROM {lines}"
        return f"SELECT {cells} FROM ({split}) WHERE len(cells) = {dialect.width}{header}"
    columns = ", ".join(f"{sql_text(name)}: 'VARCHAR'" for name in dialect.names)
    spellings = dict.fromkeys(
        spelt for word in empty_words for spelt in (word, word.lower(), word.upper(), word.title())
    )
    options = [
        f"nullstr = {sql_list(['', *spellings])}",
        f"auto_detect = false, columns = {{{columns}}}, header = {str(dialect.header is not None).lower()}",
        f"delim = {sql_text(dialect.delimiter)}, quote = {sql_text(dialect.quote)}, escape = {sql_text(dialect.quote)}",
        f"{dialect.stream}, store_rejects = true, rejects_limit = 0, hive_partitioning = false",
    ]
    return f"SELECT * FROM read_csv({dialect.paths(files)}, {', '.join(options)})"


LINES = (
    "auto_detect = false, columns = {'line': 'VARCHAR'}, header = false, "
    "delim = '\x01', quote = '', escape = '', hive_partitioning = false"
)
_SPLIT = "string_split_regex(trim(line), '\\s+')"


def _dialect(table: TableInput, path: str, connection: Any) -> tuple[_Dialect, str]:
    """Delimiter, encoding and header of one file (what the settings say, else what its first lines show); its URL."""
    encoding = encodings.of_file(path, table.encoding)
    is_transcoded = not encodings.is_plain(path, encoding)
    readable = transcoded.transcoded(path, encoding) if is_transcoded else path
    unknown = _Dialect("", "", encoding, is_transcoded, None, 1)
    query = f"FROM read_csv({unknown.paths([readable])}, {LINES}, {unknown.stream}, ignore_errors = true) LIMIT 30"
    lines = [row[0] or "" for row in connection.execute(query).fetchall()]
    if not lines or not any(line.strip() for line in lines):
        raise AimloopError(f"{path} is empty", "export it anew, or take it out of aimloop.toml")
    quote = '"' if table.quote is None else table.quote
    delimiter = table.delimiter or _delimiter(lines, quote)
    if delimiter != "whitespace" and len(delimiter.encode()) > _LONGEST_DELIMITER:
        raise AimloopError(f"the delimiter '{delimiter}' is too long", f"{_LONGEST_DELIMITER} bytes are the most")
    first = _cells(lines[0].lstrip("\ufeff"), delimiter, quote)
    has_header = table.header if table.header is not None else not any(_is_value(cell) for cell in first)
    header = tuple(cell.strip() or f"column{n}" for n, cell in enumerate(first)) if has_header else None
    _refuse_bad_header(path, header or ())
    return _Dialect(delimiter, quote, encoding, is_transcoded, header, len(first)), readable


def _delimiter(lines: Sequence[str], quote: str) -> str:
    """The delimiter that cuts the first lines into the most columns, equally many in most lines."""

    def agreement(delimiter: str) -> tuple[float, int]:
        widths = [len(_cells(line, delimiter, quote)) for line in lines if line.strip()]
        return sum(width == widths[0] for width in widths) / len(widths) * min(widths[0] - 1, 1), widths[0]

    best = max(_DELIMITERS, key=agreement)
    if agreement(best)[1] > 1:
        return best
    return "whitespace" if len(lines[0].split()) > 1 else best


def _cells(line: str, delimiter: str, quote: str) -> list[str]:
    if delimiter == "whitespace":
        return line.split()
    if len(delimiter) > 1 or not quote:
        return line.split(delimiter)
    return next(csv.reader([line], delimiter=delimiter, quotechar=quote), [""])


def _is_value(cell: str) -> bool:
    """A number or a date is no column's name."""
    digits = sum(character.isdigit() for character in cell)
    return digits > 0 and all(character.isdigit() or character in " .,:/-+T" for character in cell.strip())


def _refuse_bad_header(path: str, header: tuple[str, ...]) -> None:
    """The engine knows no case in names."""
    lower = [name.lower() for name in header]
    for name in header:
        if lower.count(name.lower()) > 1:
            raise AimloopError(
                f"{path} has {lower.count(name.lower())} columns named '{name}'", "give each column a name of its own"
            )
