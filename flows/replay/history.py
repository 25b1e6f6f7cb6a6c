"""The history of a replay in a form that can be compared: two that should be equal are, as texts.

Everything the ledger holds and every piece, but for what differs between two runs of the same: seconds taken, hashes
over them, keys of applications, where the folder lies.
"""

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd

from flows.replay.nest import FOLDER
from flows.replay.pieces import Pieces
from infra.state import State

_OTHER_TABLES = {"api_keys", "deliveries"}  # random; sent, or not, whatever the data say
_CLOCKS = {"seconds", "digest", "previous", "git_commit", "environment", "latency_ms", "row_ms", "gate.latency"}
_SIDE_BY_SIDE = {"tables"}  # dbt's threads build them: their order says who was quicker
_RANDOM = {"prediction_id"}


def history(folder: Path) -> str:
    """Canonical JSON of a replay's state folder."""
    state, pieces = State(folder), Pieces(folder / FOLDER)
    found = {"ledger": _ledger(state), "pieces": _pieces(pieces), "results": pieces.noted(pieces.results)}
    return json.dumps(_settled(found, str(folder)), indent=1, sort_keys=True, default=str)


def _ledger(state: State) -> dict[str, list[dict[str, Any]]]:
    with closing(sqlite3.connect(state.ledger)) as ledger:
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        names = [name for (name,) in ledger.execute(tables)]
        kept = [name for name in names if name not in _OTHER_TABLES and not name.startswith("sqlite_")]
        return {name: _rows(ledger, name) for name in kept}


def _rows(ledger: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    """Of one table, in an order of their own."""
    found = ledger.execute(f"SELECT * FROM {table}")
    columns = [column[0] for column in found.description]
    rows = [{name: _parsed(value) for name, value in zip(columns, row, strict=True)} for row in found]
    return sorted(rows, key=lambda row: json.dumps(_settled(row, ""), sort_keys=True, default=str))


def _pieces(pieces: Pieces) -> dict[str, Any]:
    """Tables by the SHA-256 of their values."""
    tables = {path.relative_to(pieces.blocks).as_posix(): _digest(path) for path in pieces.blocks.rglob("*.parquet")}
    notes = {path.relative_to(pieces.blocks).as_posix(): pieces.noted(path) for path in pieces.blocks.rglob("*.json")}
    return {"tables": tables, "notes": notes}


def _digest(path: Path) -> str:
    frame = pd.read_parquet(path)
    kept = frame.drop(columns=[column for column in frame if column in _RANDOM])
    return hashlib.sha256(kept.to_csv(index=False).encode()).hexdigest()


def _parsed(value: Any) -> Any:
    """JSON columns as what they hold."""
    if isinstance(value, str) and value[:1] in "[{":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _settled(value: Any, folder: str) -> Any:
    if isinstance(value, dict):
        if value.get("name") in _CLOCKS:  # a verdict on one
            return None
        kept = {key: _settled(held, folder) for key, held in value.items() if key not in _CLOCKS}
        return {key: _in_order(held) if key in _SIDE_BY_SIDE else held for key, held in kept.items()}
    if isinstance(value, list):
        return [_settled(held, folder) for held in value]
    return value.replace(folder, "<state>") if isinstance(value, str) and folder else value


def _in_order(held: Any) -> Any:
    return sorted(held, key=str) if isinstance(held, list) else held
