"""CSV as companies export it: any delimiter, quote and encoding, with or without a header.

Every cell stays text. Lines that are no rows (too few cells, a text that never ends, broken
encoding) are told apart by the reader and kept as ``unread``.
"""

import csv
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import charset_normalizer

from infra.errors import AimloopError
from infra.sections import TableInput
from infra.sources.extensions import load_extension
from infra.sources.rows import Rows, quoted, sql_list, sql_text

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_BYTES = 1 << 20
_ENCODING_NAMES = {"latin_1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "utf_16": "utf-16"}


@dataclass(frozen=True)
class _Dialect:
    delimiter: str
    quote: str
    encoding: str
    header: tuple[str, ...] | None
    width: int

    @property
    def names(self) -> tuple[str, ...]:
        return self.header or tuple(f"column{position}" for position in range(self.width))


def rows(table: TableInput, paths: Sequence[str], empty_words: Sequence[str], connection: Any) -> Rows:
    groups: dict[_Dialect, list[str]] = {}
    for path in paths:
        groups.setdefault(_dialect(table, path, connection), []).append(path)
    parts = [_csv_part(dialect, files, empty_words) for dialect, files in groups.items()]
    columns = tuple(dict.fromkeys(name for dialect in groups for name in dialect.names))
    unread = """
        SELECT format('{}:{}', parse_filename(s.file_path), e.line) AS place,
               lower(any_value(e.error_type::VARCHAR)) AS problem, any_value(e.csv_line) AS text
        FROM reject_errors e JOIN reject_scans s USING (scan_id, file_id) GROUP BY s.file_path, e.line"""
    encodings = tuple(sorted({dialect.encoding for dialect in groups}))
    return Rows(
        " UNION ALL BY NAME ".join(parts),
        columns,
        is_text=True,
        unread=unread,
        encodings=encodings,
        empties_are_null=True,
    )


def load_encoding(encoding: str, connection: Any) -> None:
    """Most files need no further encodings; loading them takes a second."""
    if encoding not in ("utf-8", "utf-16", "latin-1"):
        load_extension(connection, "encodings")


def _csv_part(dialect: _Dialect, files: Sequence[str], empty_words: Sequence[str]) -> str:
    if dialect.delimiter == "whitespace":
        lines = f"read_csv({sql_list(files)}, {_single_column(dialect.encoding)}, store_rejects = true)"
        skipped = "" if dialect.header is None else f" WHERE cells <> {sql_list(dialect.names)}"
        words = sql_list(word.lower() for word in empty_words)
        cells = ", ".join(
            f"CASE WHEN NOT list_contains({words}, lower(cells[{i}])) THEN cells[{i}] END AS {quoted(n)}"
            for i, n in enumerate(dialect.names, start=1)
        )
        split = f"SELECT string_split_regex(trim(line), '\\s+') AS cells FROM {lines}"
        return f"SELECT {cells} FROM ({split}){skipped}"
    columns = ", ".join(f"{sql_text(name)}: 'VARCHAR'" for name in dialect.names)
    spellings = dict.fromkeys(
        spelt for word in empty_words for spelt in (word, word.lower(), word.upper(), word.title())
    )
    options = [
        f"nullstr = {sql_list(['', *spellings])}",
        f"auto_detect = false, columns = {{{columns}}}, header = {str(dialect.header is not None).lower()}",
        f"delim = {sql_text(dialect.delimiter)}, quote = {sql_text(dialect.quote)}, escape = {sql_text(dialect.quote)}",
        f"encoding = {sql_text(dialect.encoding)}, store_rejects = true, rejects_limit = 0",
    ]
    return f"SELECT * FROM read_csv({sql_list(files)}, {', '.join(options)})"


def _single_column(encoding: str) -> str:
    return (
        "auto_detect = false, columns = {'line': 'VARCHAR'}, header = false, delim = '\x01', quote = '', escape = '', "
        f"encoding = {sql_text(encoding)}"
    )


def _dialect(table: TableInput, path: str, connection: Any) -> _Dialect:
    """Delimiter, encoding and header of one file: what the settings say, else what its first lines show."""
    encoding = _encoding(table, path)
    load_encoding(encoding, connection)
    query = f"SELECT line FROM read_csv(?, {_single_column(encoding)}, ignore_errors = true) LIMIT 30"
    lines = [row[0] or "" for row in connection.execute(query, [path]).fetchall()]
    if not lines or not any(line.strip() for line in lines):
        raise AimloopError(f"{path} is empty", "export it anew, or take it out of aimloop.toml")
    if any("\0" in line for line in lines):
        raise AimloopError(f"{path} is no text file", "is it really CSV? Export it anew, or give its encoding")
    quote = '"' if table.quote is None else table.quote
    delimiter = table.delimiter or _delimiter(lines, quote)
    first = _cells(lines[0].lstrip("\ufeff"), delimiter, quote)
    has_header = table.header if table.header is not None else not any(_is_value(cell) for cell in first)
    header = tuple(cell.strip() for cell in first) if has_header else None
    _refuse_bad_header(path, header or ())
    return _Dialect(delimiter, quote, encoding, header, len(first))


def _encoding(table: TableInput, path: str) -> str:
    if table.encoding:
        return table.encoding.lower()
    if path.startswith("s3://"):
        return "utf-8"
    sample = _head(Path(path))
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        (sample[: sample.rfind(b"\n") + 1] or sample).decode("utf-8")
    except UnicodeDecodeError:
        best = charset_normalizer.from_bytes(sample[:65536]).best()
        guessed = best.encoding if best else "latin-1"
        return _ENCODING_NAMES.get(guessed, guessed)
    return "utf-8"


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        head = file.read(_SAMPLE_BYTES)
    if path.suffix.lower() == ".gz":
        return zlib.decompressobj(wbits=31).decompress(head, _SAMPLE_BYTES)
    return head


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
    for name in header:
        if header.count(name) > 1:
            raise AimloopError(
                f"{path} has {header.count(name)} columns named '{name}'", "give each column a name of its own"
            )
