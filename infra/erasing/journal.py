"""What an erasure has done so far, kept on disk until its certificate is written.

An erasure that is killed and repeated finds less to remove the second time; the journal remembers.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.files import publish_text, remove_database, sha256, sync
from infra.state import State


class Journal:
    """Rows removed (place → tombstone → number), files changed (path below the state folder → hashes), and the names of
    replays that were dropped whole.
    """

    def __init__(self, state: State, now: datetime) -> None:
        self._root = state.root
        self._file = state.erasure / "journal.json"
        content: dict[str, Any] = {"began_at": now.isoformat(timespec="seconds"), "rows": {}, "files": {}}
        content["replays"] = []
        if self._file.exists():
            content = json.loads(self._file.read_text(encoding="utf-8"))
        self.began_at = datetime.fromisoformat(content["began_at"])
        self.rows: dict[str, dict[str, int]] = content["rows"]
        self.files: dict[str, dict[str, str | None]] = content["files"]
        self.replays: list[str] = content.get("replays", [])  # one begun by an earlier release has none
        for name, hashes in self.files.items():
            if hashes["before"] == hashes["after"]:  # killed while it was changed
                hashes["after"] = sha256(self._root / name)

    def removed(self, place: str, counts: Mapping[str, int]) -> None:
        """Note how many rows of whom go from a place; a repeat that finds fewer changes nothing."""
        known = self.rows.setdefault(place, {})
        for tombstone, count in counts.items():
            known[tombstone] = max(count, known.get(tombstone, 0))
        self._save()

    def dropping(self, replays: Iterable[str]) -> None:
        """Note which replays go, before they do."""
        self.replays = sorted({*self.replays, *replays})
        self._save()

    def replace(self, fresh: Path, target: Path) -> None:
        """Let a rewritten file take the place of an old one."""
        self._note(target, sha256(fresh))
        sync(fresh)
        fresh.replace(target)
        sync(target.parent)

    def drop(self, target: Path) -> None:
        """Remove a file, or a database with what lies beside it."""
        self._note(target, None)
        remove_database(target)

    @contextmanager
    def changing(self, target: Path) -> Iterator[None]:
        """Note a file that is changed where it is: before, as one that is still the same, and afterwards."""
        self._note(target, sha256(target))
        yield
        self._note(target, sha256(target))

    def _note(self, target: Path, after: str | None) -> None:
        name = target.relative_to(self._root).as_posix()
        earlier = self.files.get(name)
        first = earlier["before"] if earlier else sha256(target)
        self.files[name] = {"before": first, "after": after}
        self._save()

    def _save(self) -> None:
        self._file.parent.mkdir(exist_ok=True)
        content = {"began_at": self.began_at.isoformat(), "rows": self.rows, "files": self.files}
        content["replays"] = self.replays
        publish_text(self._file, json.dumps(content, indent=2) + "\n")


def discard(state: State) -> None:
    """Forget the last erasure's journal: its certificate is written."""
    (state.erasure / "journal.json").unlink(missing_ok=True)
