"""`aimloop.toml` as `aimloop init` writes it: what was guessed and what was not, for people to read and mend."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra import contract_sql
from infra.raw_contracts import RAW
from infra.sections import SourceSettings
from infra.sources.exploration import Explored, Find

_HEAD = """\
# Where this company's data come from. Written by `aimloop init`, guessed from names and values: look it over, then
#   aimloop inspect    what would land, what would be set aside and why; nothing is written
#   aimloop run        one whole cycle
# Left of = stand our columns, right of it yours, or a SQL expression over yours: amount = "quantity * unit_price"
"""

_RULES = """\
# Rules for real dirt, and what they do unless told otherwise:
# [cleaning]
# exact_duplicates = "quarantine"     # or "keep": lines that equal another in every column
# zero_amounts = "quarantine"         # or "keep": lines of amount 0 that no discount explains
# return_order_prefixes = ["C"]       # order ids that start so are credit notes
# non_product_ids = ["POST", "FEE%"]  # postage, fees, adjustments
"""


def written(explored: Explored, folder: Path) -> str:
    """The text of the file.

    Args:
        explored: what was found.
        folder: where the file will lie; paths are told from there.
    """
    used = [find for find in explored.finds if find.guess]
    parts = [_HEAD]
    parts += [
        _source(name, source, folder) for name, source in explored.sources.items() if _needs_section(source, folder)
    ]
    repeated = {find.guess.table for find in used if find.guess and _count(used, find.guess.table) > 1}
    parts += [_table(find, repeated) for find in used]
    parts += [f"# not used: {find.origin} ({_names(find)})\n" for find in explored.finds if not find.guess]
    parts += [f"# not readable: {path}: {why}\n" for path, why in explored.unread]
    return "\n".join([*parts, _RULES])


def _count(used: Sequence[Find], table: str) -> int:
    return sum(find.guess is not None and find.guess.table == table for find in used)


def _needs_section(source: SourceSettings, folder: Path) -> bool:
    return source.kind != "files" or Path(source.folder) != folder


def _source(name: str, source: SourceSettings, folder: Path) -> str:
    if source.kind == "files":
        fields: Mapping[str, Any] = {"folder": _relative(source.folder, folder)}
    elif source.kind == "sqlite":
        fields = {"kind": "sqlite", "path": _relative(source.path or "", folder)}
    else:
        given = {"kind": source.kind, "host": source.host, "port": source.port, "database": source.database}
        fields = {k: v for k, v in {**given, "user": source.user}.items() if v is not None}
    lines = [f"[sources.{name}]", *(f"{key} = {_value(value)}" for key, value in fields.items())]
    if source.kind in ("postgres", "mysql"):
        lines.append(f"# password: AIMLOOP_SOURCES__{name.upper()}__PASSWORD in the environment, never here")
    return "\n".join(lines) + "\n"


def _relative(path: str, folder: Path) -> str:
    inside = Path(path).is_relative_to(folder)
    return Path(path).relative_to(folder).as_posix() if inside else path


def _table(find: Find, repeated: set[str]) -> str:
    guess = find.guess
    assert guess is not None
    heading = f"[[tables.{guess.table}]]" if guess.table in repeated else f"[tables.{guess.table}]"
    lines = [f"# {str(RAW[guess.table].__doc__).strip()}", heading]
    if find.source != "files":
        lines.append(f"source = {_value(find.source)}")
    patterns = find.origin.split("|")
    origin = patterns[0] if len(patterns) == 1 else patterns
    lines.append(f"{'files' if find.is_file else 'table'} = {_value(origin)}")
    if find.times_unclear:
        unclear = ", ".join(find.times_unclear)
        lines.append(f"# day_first = true   # nothing in {unclear} shows whether 3/4 is in March or April: say so")
    lines.append(f"[tables.{guess.table}.columns]")
    lines += [f"{ours} = {_value(theirs)}" for ours, theirs in guess.columns.items()]
    lines += [f'# {ours} = "…"   # required, and not found: one of {_names(find)}' for ours in guess.missing]
    further = [c for c in contract_sql.columns(RAW[guess.table]) if c not in guess.columns and c not in guess.missing]
    lines.append(f"# also understood: {', '.join(further)}" + (", attr_…" if guess.table == "customers" else ""))
    if guess.unused:
        lines.append(f"# not used: {', '.join(guess.unused)}")
    return "\n".join(lines) + "\n"


def _names(find: Find) -> str:
    return ", ".join(column.name for column in find.columns)


def _value(value: Any) -> str:
    """A TOML value: texts, numbers and lists of them."""
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, int):
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
