"""A small table in a CSV that people write by hand or save from a spreadsheet: every cell as text, and its line."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from infra.errors import AimloopError
from infra.sources import encodings

DELIMITERS = ",;\t|"
_DECIMAL_COMMA = re.compile(r"(?![+-]?[1-9]\d{0,2},\d{3}$)[+-]?\d+,\d+")  # 5,000 may be five thousand: nobody knows
SAVE = "save it as CSV in UTF-8, with commas between cells"


def read_table(file: Path, remedy: str) -> pd.DataFrame:
    """The rows of a file as text, without blanks around cells; an empty cell is None. Blank lines are no rows.

    Delimiter and encoding are what the file shows: spreadsheets save semicolons (and then decimal commas, which become
    points), UTF-16 or a code page.

    Raises:
        AimloopError: it cannot be read, or a line has not as many cells as the heading.
    """
    rows = list(_rows(file, remedy))
    if not rows:
        raise AimloopError(f"{file} cannot be read as CSV: it is empty", remedy)
    (_, header), *body = rows
    for name in header:
        if header.count(name) > 1:
            raise AimloopError(f"{file} has the column '{name}' twice", "take one out, or name it anew")
    if not body:
        raise AimloopError(f"{file} holds no line but its heading", remedy)
    for line, cells in body:
        if len(cells) != len(header):
            raise AimloopError(
                f"{file} line {line} has {len(cells)} cells, its heading {len(header)}",
                "is a cell missing, or does one hold a comma? Put that into double quotes",
            )
    return pd.DataFrame([[cell or None for cell in cells] for _, cells in body], columns=header, dtype=object)


def lines_of(file: Path) -> list[int]:
    """The line of the file on which each row of the table begins."""
    return [line for line, _ in _rows(file, SAVE)][1:]


def _with_point(cell: str) -> str:
    """Whoever separates cells otherwise than by commas may write decimals with one; where it is clear, a point."""
    return cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell


def _rows(file: Path, remedy: str) -> Iterator[tuple[int, list[str]]]:
    try:
        encoding = encodings.of_file(str(file), None)
        text = file.read_bytes().decode(encoding).lstrip("\ufeff")
    except FileNotFoundError:
        raise AimloopError(f"there is no {file}", remedy) from None
    except OSError as error:
        raise AimloopError(f"{file} cannot be read as CSV: {error.strerror or error}", remedy) from None
    except ValueError as error:
        raise AimloopError(f"{file} cannot be read as CSV: {error}", SAVE) from None
    heading = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    began = 1
    try:
        for cells in reader:
            stripped = [_with_point(cell.strip()) if delimiter != "," else cell.strip() for cell in cells]
            if any(stripped):
                yield began, stripped
            began = reader.line_num + 1
    except csv.Error as error:
        raise AimloopError(f"{file} line {began} cannot be read as CSV: {error}", SAVE) from None
