"""The pieces a replay is made of, kept as files: each there whole or not at all, and never made twice.

replay/plan.json                 what is replayed
replay/blocks/03/20170802.parquet    a day's answers, a row an impression
replay/blocks/03/visits.parquet      what the policies made of its visits, a row a visit
replay/blocks/03/block.json          the facts of the block: done
replay/blocks/03/20170802.look   the experiments were looked at that evening: done
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from infra.files import publish_text, sync


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
        return self.block(block) / f"{day:%Y%m%d}.look"

    def facts(self, block: int) -> Path:
        return self.block(block) / "block.json"

    def results_of(self, blocks: int) -> dict[str, Any] | None:
        """The report's document, once so many blocks are done and told."""
        is_done = all(self.facts(number).exists() for number in range(blocks))
        found = self.noted(self.results) if is_done else None
        return found and found | {"report": str(self.report), "results": str(self.results)}

    @property
    def report(self) -> Path:
        return self._folder / "report.html"

    @property
    def results(self) -> Path:
        return self._folder / "report.json"
