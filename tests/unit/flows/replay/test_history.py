"""Two replays of the same are the same text; what matters is seen, clocks and random tags are not."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows.replay.history import history
from flows.replay.nest import FOLDER
from flows.replay.pieces import Pieces
from infra.api_keys import ApiKeys
from infra.ledger import Ledger
from infra.state import State

AT = datetime(2017, 6, 4)


def _result(folder: Path) -> dict[str, Any]:
    """A step's result with a time in it and the place where it lies."""
    latency = {"name": "gate.latency", "value": len(str(folder)), "reason": f"one row takes {len(str(folder))} ms"}
    return {"line": f"see {folder}/reports", "verdicts": [latency], "gate.latency": latency["reason"]}


def replayed(folder: Path) -> Path:
    """A folder with a cycle, a step, a day's answers and a report."""
    state = State(folder).open()
    (folder / FOLDER).mkdir()
    pieces, ledger = Pieces(folder / FOLDER), Ledger(state.ledger)
    ledger.begin_cycle("c", AT, "company", AT)
    ledger.finish_step("c", "watch", 1.5, _result(folder))
    ApiKeys(ledger).issue("replay", ["score"], AT)
    pieces.write(pieces.day(0, pd.Timestamp(AT)), pd.DataFrame({"prediction_id": [str(folder)], "value": [0.25]}))
    pieces.note(pieces.facts(0), {"rows": 1, "seconds": {"cycle": 1.0}})
    pieces.note(pieces.results, {"gains": [0.1]})
    ledger.close()
    return folder


def test_clocks_random_tags_and_places_do_not_count(tmp_path: Path) -> None:
    one, other = replayed(tmp_path / "one"), replayed(tmp_path / "elsewhere" / "other")
    _execute(other, "UPDATE steps SET seconds = 99")
    pieces = Pieces(other / FOLDER)
    pieces.note(pieces.facts(0), {"rows": 1, "seconds": {"cycle": 7.0}})
    assert history(one) == history(other)
    assert "watch" in history(one)


def _execute(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(State(folder).ledger)) as ledger, ledger:
        ledger.execute(statement)


def _another_answer(folder: Path) -> None:
    pieces = Pieces(folder / FOLDER)
    pieces.write(pieces.day(0, pd.Timestamp(AT)), pd.DataFrame({"prediction_id": ["p"], "value": [0.250001]}))


def _another_figure(folder: Path) -> None:
    Pieces(folder / FOLDER).results.write_text(json.dumps({"gains": [0.2]}), encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        _another_answer,
        _another_figure,
        lambda folder: _execute(folder, "UPDATE cycles SET finished_at = '2017-06-05 00:00:00.000000'"),
        lambda folder: _execute(
            folder, "INSERT INTO cycles SELECT 'd', as_of, source, started_at, asked_for_at, NULL FROM cycles"
        ),
    ],
)
def test_what_matters_is_seen(tmp_path: Path, change: Callable[[Path], None]) -> None:
    one, other = replayed(tmp_path / "one"), replayed(tmp_path / "other")
    change(other)
    assert history(one) != history(other)
