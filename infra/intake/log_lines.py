"""Rows of the prediction log as they lie in files: any bytes at all, told apart into rows and what is none.

Fills a temporary table ``lines``: the contract's columns (times as texts), ``landing``, ``line``, ``row_json`` (the
row written anew; NULL where the line is no JSON) and ``problem`` (why it is no row, NULL where it is one).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa  # type: ignore[import-untyped]

from infra import contract_sql
from infra.contracts import Contract
from infra.sources.rows import quoted
from infra.warehouse import Connection

Line = tuple[int, object]  # number from 1, and what stands there
NO_JSON = object()

_BATCH = 50_000
_KINDS: Mapping[str, type] = {"VARCHAR": str, "TIMESTAMP": str, "DOUBLE": float, "BOOLEAN": bool}
_WORDS: Mapping[type, str] = {str: "text", float: "number", bool: "truth value"}
_ARROW: Mapping[type, pa.DataType] = {str: pa.string(), float: pa.float64(), bool: pa.bool_()}


def of_file(path: Path) -> Iterator[Line]:
    """Every line of a file that is not empty."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.removesuffix(b"\n")
            if text:
                yield number, _parsed(text)


def of_rows(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[Line]:
    """Rows of a database, whose first value is their number."""
    for number, *values in rows:
        yield int(str(number)), dict(zip(columns, values, strict=True))


def _parsed(text: bytes) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return NO_JSON


def begin(connection: Connection, contract: type[Contract]) -> None:
    """Make the table ``lines``, empty."""
    kinds = contract_sql.columns(contract)
    listed = [f"{quoted(c)} {'VARCHAR' if kind == 'TIMESTAMP' else kind}" for c, kind in kinds.items()]
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE lines ({', '.join(listed)}, "
        "landing BIGINT, line BIGINT, row_json VARCHAR, problem VARCHAR)"
    )


def add(connection: Connection, contract: type[Contract], landing: int, lines: Iterable[Line]) -> None:
    """Add the lines of one landing to the table ``lines``."""
    typed = _Typed(contract)
    waiting = iter(lines)
    while batch := list(islice(waiting, _BATCH)):
        rows = [(*typed.row(content), landing, number) for number, content in batch]
        columns = list(zip(*rows, strict=True))
        types = [*typed.arrow, pa.string(), pa.string(), pa.int64(), pa.int64()]
        arrays = [pa.array(values, kind) for values, kind in zip(columns, types, strict=True)]
        names = [*typed.columns, "row_json", "problem", "landing", "line"]
        connection.register("batch", pa.table(arrays, names))
        connection.execute("INSERT INTO lines BY NAME FROM batch")
        connection.unregister("batch")


class _Typed:
    """Values of the contract's types, by what JSON says: nothing is read as what it is not."""

    def __init__(self, contract: type[Contract]) -> None:
        kinds = {column: _KINDS[kind] for column, kind in contract_sql.columns(contract).items()}
        self.columns = tuple(kinds)
        self.arrow = [_ARROW[kind] for kind in kinds.values()]
        self._kinds = tuple(kinds.values())
        self._problems: dict[tuple[type, ...], str | None] = {}  # rows of the same types have the same problem

    def row(self, content: object) -> tuple[Any, ...]:
        """The contract's values, the row as JSON, and the problem."""
        if not isinstance(content, dict):
            nothing = (None,) * len(self.columns)
            is_json = content is not NO_JSON
            return *nothing, _json(content) if is_json else None, "line: no row" if is_json else "line: no JSON"
        values = [content.get(column) for column in self.columns]
        types = tuple(map(type, values))
        if types not in self._problems:
            self._problems[types] = self._problem(types)
        if int in types:
            values = [
                float(v) if type(v) is int and k is float else v for v, k in zip(values, self._kinds, strict=True)
            ]
        problem = self._problems[types]
        if problem is not None:
            values = [v if type(v) is k else None for v, k in zip(values, self._kinds, strict=True)]
        return *values, _json(content), problem

    def _problem(self, types: tuple[type, ...]) -> str | None:
        for column, found, kind in zip(self.columns, types, self._kinds, strict=True):
            if found not in (kind, type(None)) and (found, kind) != (int, float):
                return f"{column}: not a {_WORDS[kind]}"
        return None


def _json(content: object) -> str:
    return orjson.dumps(content, default=str).decode()
