"""Migration: the picture and the table tell the same streams, and the line says why there is nothing to compare."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows import migration
from flows.context import Cycle, Door
from infra import warehouse
from tests import small_state

JUNE, JULY = pd.Timestamp("2018-06-04"), pd.Timestamp("2018-07-02")
MOVES = {("gold", "gold"): 9, ("gold", "iron"): 2, ("iron", "gold"): 1, ("iron", "iron"): 6, ("iron", "lead"): 5}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the Prefect UI is given, by key."""
    artifacts: dict[str, str] = {}

    def keep(key: str, **said: Any) -> None:
        artifacts[key] = said.get("markdown") or said["link"]

    for name in ("create_markdown_artifact", "create_link_artifact"):
        monkeypatch.setattr(migration, name, keep)
    return artifacts


def scored(door: Door, *cycles: tuple[str, pd.Timestamp, list[str | None]]) -> Cycle:
    """The last of some cycles, whose generation holds the segments of all, by cycle and position."""
    name, as_of, _ = cycles[-1]
    fresh = warehouse.start_generation(door.state, name, as_of)
    fresh.execute("CREATE SCHEMA marts")
    fresh.execute("CREATE TABLE marts.scores (cycle_id TEXT, as_of TIMESTAMP, pseudonym TEXT, segment TEXT)")
    for cycle_id, at, segments in cycles:
        for position, segment in enumerate(segments):
            values = {"id": cycle_id, "at": at, "who": f"p{position}", "segment": segment}
            fresh.execute("INSERT INTO marts.scores VALUES ($id, $at, $who, $segment)", **values)
    warehouse.finish(door.state, name)
    began = datetime(2018, 8, 1)
    for cycle_id, at, _ in cycles:
        door.ledger.begin_cycle(cycle_id, at.to_pydatetime(), "company", began)
    return Cycle(name, as_of, door)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return small_state.open_door(tmp_path / "state")


@pytest.fixture
def page(door: Door, told: dict[str, str]) -> str:
    before = [start for (start, _), customers in MOVES.items() for _ in range(customers)]
    after = [end for (_, end), customers in MOVES.items() for _ in range(customers)]
    cycle = scored(door, ("june", JUNE, before), ("july", JULY, after))
    assert migration.report_migration(cycle).startswith("65% kept their segment since 2018-06-04")
    return Path(told["segment-migration-picture"].removeprefix("file://")).read_text(encoding="utf-8")


def drawn(page: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The diagram and its layout, as the page gives them to Plotly."""
    data = page.index("[", page.rindex("Plotly.newPlot("))
    (diagram,), end = json.JSONDecoder().raw_decode(page, data)
    layout, _ = json.JSONDecoder().raw_decode(page, page.index("{", end))
    return diagram, layout


def test_small_streams_are_told_together_in_the_table(page: str, told: dict[str, str]) -> None:
    assert told["segment-migration"].splitlines()[2:] == [
        "| gold | gold | 9 | 82% |",
        "| iron | iron | 6 | 50% |",
        "| iron | lead | 5 | 42% |",
        "| streams of fewer than 5 | | 3 | |",
    ]


def test_small_streams_are_not_in_the_picture_and_cannot_be_computed_from_it(page: str) -> None:
    """Neither links, nor labels, nor shares as they are: the picture's streams are those of the table."""
    diagram, layout = drawn(page)
    assert diagram["link"]["value"] == [9, 6, 5]
    assert diagram["link"]["customdata"] == [0.82, 0.5, 0.42]
    labels = ["gold (9)", "iron (11)", "lead (0)", "not there (0)", "gold (9)", "iron (6)", "lead (5)", "not there (0)"]
    assert diagram["node"]["label"] == labels
    assert layout["title"]["text"].endswith("left out: 3 in streams of fewer than 5</sup>")


def test_where_every_stream_is_small_the_picture_says_so(door: Door, told: dict[str, str]) -> None:
    cycle = scored(door, ("june", JUNE, ["gold", "iron"]), ("july", JULY, ["gold", "gold"]))
    assert migration.report_migration(cycle).startswith("50% kept")
    page = Path(told["segment-migration-picture"].removeprefix("file://")).read_text(encoding="utf-8")
    assert "left out: 2 in streams of fewer than 5" in page
    assert told["segment-migration"].splitlines()[2:] == ["| streams of fewer than 5 | | 2 | |"]


def test_without_an_earlier_cycle_the_line_and_the_ui_say_so(door: Door, told: dict[str, str]) -> None:
    cycle = scored(door, ("july", JULY, ["gold"]))
    door.ledger.begin_cycle("june", JUNE.to_pydatetime(), "company", datetime(2018, 8, 2))
    door.ledger.finish_step("june", "publish", 1.0, {"line": "published", "customers": 1})  # dropped since
    assert migration.report_migration(cycle) == "no earlier published cycle to compare segments with"
    assert told == {"segment-migration": "no earlier published cycle to compare segments with"}


def test_earlier_cycles_that_looked_back_were_not_published(door: Door, told: dict[str, str]) -> None:
    cycle = scored(door, ("july", JULY, ["gold"]))
    door.ledger.begin_cycle("june", JUNE.to_pydatetime(), "company", datetime(2018, 8, 2))
    door.ledger.finish_step("june", "publish", 1.0, {"line": "left alone: july knows more of the world"})
    said = "no earlier published cycle to compare segments with (cycles that look back are not published)"
    assert migration.report_migration(cycle) == said
    assert told == {"segment-migration": said}


def test_where_nobody_has_a_segment_there_is_nothing_to_say(door: Door, told: dict[str, str]) -> None:
    cycle = scored(door, ("june", JUNE, ["gold"]), ("july", JULY, [None]))
    assert migration.report_migration(cycle) == ""
    assert told == {}
