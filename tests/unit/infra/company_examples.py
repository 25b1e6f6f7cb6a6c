"""How the tests of a company's own data write files, and see what intake makes of them, with nothing landed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from infra.errors import AimloopError
from infra.intake.judgement import UNREAD, Judgement, read_table
from infra.settings import Settings, load
from infra.sources import company
from infra.warehouse import engine

HEADER = "order_id,customer_id,ordered_at,amount\n"
LINES = "1,ann,2017-03-01,5.5\n2,bob,2017-03-02 10:00,-6\n"
TWO_ORDERS = [("1", "ann", datetime(2017, 3, 1), 5.5), ("2", "bob", datetime(2017, 3, 2, 10), -6.0)]


@dataclass(frozen=True)
class Taken:
    """``accepted`` and ``aside`` (reason, row or line) in the order of the file; ``rules``: column and rule → rows."""

    accepted: list[tuple[Any, ...]]
    aside: list[tuple[str, Any]]
    rules: dict[tuple[str, str], int]

    @property
    def reasons(self) -> list[str]:
        return [reason for reason, _ in self.aside]


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def settings_of(folder: Path, inputs: Any, table: str = "orders", **sections: Any) -> Settings:
    return load({}, folder, tables={table: inputs}, **sections)


def take(
    folder: Path,
    inputs: Any,
    columns: str = "order_id, customer_id, ordered_at, amount",
    table: str = "orders",
    now: datetime | None = None,
    **sections: Any,
) -> Taken:
    """What intake makes of the files in ``folder``."""
    settings = settings_of(folder, inputs, table, **sections)
    tables = company.tables(settings)
    with engine(folder / "spill") as connection:
        counts = read_table(connection, table, tables, Judgement(settings.cleaning, now))
        accepted = connection.execute(f"SELECT {columns} FROM incoming WHERE reason IS NULL ORDER BY rowid").fetchall()
        aside = connection.execute(
            f"""SELECT reason, row({columns}) FROM incoming WHERE reason IS NOT NULL ORDER BY rowid"""
        ).fetchall()
        lines = connection.execute(f"SELECT 'line: ' || problem, text FROM {UNREAD} ORDER BY place").fetchall()
    return Taken(accepted, [*aside, *lines], {(c.column_name, c.rule): c.rows for c in counts})


def refusal(folder: Path, inputs: Any, table: str = "orders", **sections: Any) -> AimloopError:
    """What is said of files, or of settings, that are not taken at all."""
    with pytest.raises(AimloopError) as caught:
        take(folder, inputs, "*", table, **sections)
    return caught.value
