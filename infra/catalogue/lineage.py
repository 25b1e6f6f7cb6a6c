"""Column lineage: which raw columns a feature comes from, and what a raw column feeds.

Two kinds of dependency are told apart, as OpenLineage does (openlineage.io, column level lineage facet):
*direct*, a value is computed from another; *indirect*, a column decides which rows there are (filters, joins,
groups). ``sql_lineage`` reads both from the SQL; here they are followed.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from infra.errors import AimloopError

ROWS = "*"


class Ref(NamedTuple):
    """A column of a table; the column ``*`` stands for the table's rows, as in count(*)."""

    table: str
    column: str

    def __str__(self) -> str:
        return f"rows of {self.table}" if self.column == ROWS else f"{self.table}.{self.column}"


@dataclass(frozen=True)
class Table:
    """A table of the warehouse, of the raw zone or of the log zone.

    ``layer`` is raw, log, cycle, seed, or the folder of a model; ``columns`` maps each column to those its values
    are computed from; ``chosen_by`` are the columns that decide which rows there are, ``rows_of`` the tables
    they are taken from.
    """

    name: str
    layer: str
    file: str
    columns: dict[str, list[Ref]]
    chosen_by: list[Ref]
    rows_of: list[str]


@dataclass(frozen=True)
class Reader:
    """A model, service or report that reads tables: an exposure of the dbt project."""

    name: str
    kind: str
    description: str
    tables: list[str]


class Lineage:
    """The graph of columns."""

    def __init__(self, tables: Iterable[Table], readers: Sequence[Reader]) -> None:
        self.tables = {table.name: table for table in tables}
        self.readers = list(readers)
        self._fed: dict[Ref, list[Ref]] = {}
        for table in self.tables.values():
            for column, sources in table.columns.items():
                for source in sources:
                    self._fed.setdefault(source, []).append(Ref(table.name, column))

    def to_json(self) -> dict[str, Any]:
        return {"tables": [asdict(t) for t in self.tables.values()], "readers": [asdict(r) for r in self.readers]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Lineage":
        tables = [
            Table(
                **table
                | {
                    "columns": {name: [Ref(*r) for r in sources] for name, sources in table["columns"].items()},
                    "chosen_by": [Ref(*r) for r in table["chosen_by"]],
                }
            )
            for table in document["tables"]
        ]
        return cls(tables, [Reader(**reader) for reader in document["readers"]])

    def find(self, name: str) -> list[Ref]:
        """What a name means: ``table.column``, or a column of the marts, or else of any table.

        Raises:
            AimloopError: there is no such column; names the nearest.
        """
        name = name.strip().lower()
        everything = [Ref(table.name, column) for table in self.tables.values() for column in table.columns]
        same = [ref for ref in everything if name in (str(ref), ref.column)]
        if same:
            return [ref for ref in same if self.tables[ref.table].layer == "marts"] or same
        known = {str(ref) for ref in everything} | {ref.column for ref in everything}
        near = difflib.get_close_matches(name, sorted(known), n=3)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise AimloopError(
            f"no column '{name}' in the raw zone or the warehouse",
            f"{hint}write table.column, such as customer_features.orders_56d or raw.orders.amount",
        )

    def sources(self, ref: Ref) -> list[Ref]:
        """What a column's values are computed from, one step back."""
        table = self.tables[ref.table]
        return [Ref(name, ROWS) for name in table.rows_of] if ref.column == ROWS else table.columns[ref.column]

    def beginnings(self, ref: Ref) -> list[Ref]:
        """The columns that a column's values begin with: raw ones, and the instant of the cycle."""
        return sorted(r for r in _closure(ref, self.sources) if self.is_beginning(r))

    def choosers(self, ref: Ref) -> list[Ref]:
        """The beginnings that decide which rows its table has, in any step on the way."""
        return sorted(r for r in self._decides_rows(ref.table) if self.is_beginning(r) and r.column != ROWS)

    def is_beginning(self, ref: Ref) -> bool:
        return self.tables[ref.table].layer in ("raw", "log", "cycle", "seed")

    def fed(self, ref: Ref) -> list[Ref]:
        """All columns of the marts that are computed from a column, itself left out."""
        found = _closure(ref, lambda r: self._fed.get(r, []))
        return sorted(r for r in found if r != ref and self.tables[r.table].layer == "marts")

    def chosen(self, ref: Ref) -> list[str]:
        """The marts whose rows a column decides on, directly or by way of other tables."""
        marts = [table.name for table in self.tables.values() if table.layer == "marts"]
        return sorted(mart for mart in marts if ref in self._decides_rows(mart))

    def readers_of(self, refs: Iterable[Ref]) -> dict[str, list[Ref]]:
        """Who reads a table that holds one of the columns, and which of them."""
        wanted = list(refs)
        read = {reader.name: [ref for ref in wanted if ref.table in reader.tables] for reader in self.readers}
        return {name: held for name, held in read.items() if held}

    def _decides_rows(self, table: str) -> set[Ref]:
        return _closure(Ref(table, ROWS), lambda ref: [*self.sources(ref), *self.tables[ref.table].chosen_by])


def _closure(start: Ref, step: Callable[[Ref], Iterable[Ref]]) -> set[Ref]:
    found, waiting = {start}, [start]
    while waiting:
        fresh = set(step(waiting.pop())) - found
        found |= fresh
        waiting.extend(fresh)
    return found
