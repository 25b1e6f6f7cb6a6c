"""The pieces a replay is made of, kept as files: each there whole or not at all, and never made twice.

    replay/plan.json                 what is replayed
    replay/blocks/03/20170802.parquet    a day's answers, a row an impression
    replay/blocks/03/visits.parquet      what the policies made of its visits, a row a visit
    replay/blocks/03/block.json          the facts of the block: done
    replay/blocks/03/20170802.look.json  what was decided at the end of that day
    replay/03-20170802.look.before   the ledger as it stood before that, while it is being decided
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from infra.files import publish_text, remove_database, sync

_BEFORE = ".before"


class Pieces:
    """The files of one replay, below its state folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.blocks = folder / "blocks"

    def write(self, path: Path, frame: pd.DataFrame) -> None:
        """Put a table in place in one step."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + ".fresh")
        frame.to_parquet(fresh, index=False)
        sync(fresh)
        fresh.replace(path)

    def day(self, block: int, day: pd.Timestamp) -> Path:
        return self.block(block) / f"{day:%Y%m%d}.parquet"

    def visits(self, block: int) -> Path:
        return self.block(block) / "visits.parquet"

    def block(self, number: int) -> Path:
        return self.blocks / f"{number:02d}"

    def note(self, path: Path, facts: dict[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        publish_text(path, json.dumps(facts, indent=2, default=str) + "\n")

    def noted(self, path: Path) -> dict[str, Any] | None:
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None

    def look(self, block: int, day: pd.Timestamp) -> Path:
        return self.block(block) / f"{day:%Y%m%d}.look.json"

    def facts(self, block: int) -> Path:
        return self.block(block) / "block.json"

    @property
    def report(self) -> Path:
        return self._folder / "report.html"

    @property
    def results(self) -> Path:
        return self._folder / "report.json"

    # looks change the ledger in several transactions: one that was cut short is taken back whole

    @contextmanager
    def looking(self, ledger: Path, look: Path) -> Iterator[None]:
        """Do what changes the ledger and ends with the note ``look``; cut short, `take_back` makes it undone."""
        fresh = self._folder / "ledger.fresh"
        remove_database(fresh)
        with closing(sqlite3.connect(ledger)) as now, closing(sqlite3.connect(fresh)) as copy:
            now.backup(copy)
        sync(fresh)
        before = self._folder / f"{look.parent.name}-{look.stem}{_BEFORE}"
        fresh.replace(before)
        yield
        before.unlink()

    def take_back(self, ledger: Path) -> None:
        """Put the ledger back to where it stood before a look that was cut short; only while nobody else has it open."""
        for before in self._folder.glob(f"*{_BEFORE}"):
            block, _, look = before.name.removesuffix(_BEFORE).partition("-")
            if not (self.blocks / block / f"{look}.json").exists():
                with closing(sqlite3.connect(before)) as then, closing(sqlite3.connect(ledger)) as now:
                    then.backup(now)
            before.unlink()
