"""A company's own data before anything is landed: look at files and write aimloop.toml; look at what would land."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flows.context import now
from infra import configuration, inspection
from infra.errors import AimloopError
from infra.files import publish_text
from infra.given import CONFIG_FILE
from infra.inspection import Part, TableInspection
from infra.settings import Settings, load
from infra.sources.exploration import Explored, explore
from infra.state import explained_disk_errors

_SECRETS = ("AIMLOOP_SOURCES__", "__PASSWORD")


@dataclass(frozen=True)
class Written:
    """What `aimloop init` found and wrote."""

    file: Path
    explored: Explored

    @property
    def is_complete(self) -> bool:
        """Orders were found, with every required column."""
        guesses = [find.guess for find in self.explored.finds if find.guess]
        return any(guess.table == "orders" and not guess.missing for guess in guesses)

    def document(self) -> dict[str, Any]:
        finds = [
            {"source": find.source, "origin": find.origin, "guess": asdict(find.guess) if find.guess else None}
            for find in self.explored.finds
        ]
        unread = [{"path": path, "problem": problem} for path, problem in self.explored.unread]
        return {"file": str(self.file), "complete": self.is_complete, "found": finds, "unread": unread}


@dataclass(frozen=True)
class Seen:
    """What `aimloop inspect` saw; ``is_configured``: somebody said where to look."""

    settings: Settings
    is_configured: bool
    tables: list[TableInspection]
    parts: list[Part]

    def document(self) -> dict[str, Any]:
        return {
            "source": self.settings.source,
            "tables": [asdict(table) for table in self.tables],
            "parts": [asdict(part) for part in self.parts],
        }


def write_configuration(paths: Sequence[str], folder: Path, environ: Mapping[str, str], *, force: bool) -> Written:
    """Guess the mapping of what lies at ``paths`` and write ``aimloop.toml`` into ``folder``.

    Raises:
        AimloopError: a path does not exist, nothing could be read, or the file is there already.
    """
    file = folder / CONFIG_FILE
    if file.exists() and not force:
        raise AimloopError(f"{file} is there already", "mend it by hand, or write it anew with --force")
    explored = explore(paths, folder, _passwords(environ))
    if not any(find.guess for find in explored.finds):
        seen = "; ".join(f"{find.origin} has {', '.join(c.name for c in find.columns[:8])}" for find in explored.finds)
        unread = "; ".join(f"{path}: {why}" for path, why in explored.unread)
        raise AimloopError(
            f"nothing there looks like orders: {seen or unread or 'no file of a kind that can be read'}",
            "the least needed is a table with a customer, a time and an amount in each row",
        )
    with explained_disk_errors(file):
        publish_text(file, configuration.written(explored, folder))
    return Written(file, explored)


def look(environ: Mapping[str, str], folder: Path, source: str | None) -> Seen:
    """Inspect every table of the configured source; nothing is written."""
    settings = load(environ, folder, source=source)
    tables = inspection.inspect(settings, now())
    is_configured = source is not None or bool(settings.tables) or settings.source != Settings().source
    return Seen(settings, is_configured, tables, inspection.parts_fed(tables, settings))


def _passwords(environ: Mapping[str, str]) -> dict[str, str]:
    before, after = _SECRETS
    return {
        name.removeprefix(before).removesuffix(after).lower(): value
        for name, value in environ.items()
        if name.startswith(before) and name.endswith(after)
    }
