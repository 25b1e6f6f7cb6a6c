"""A whole year replayed at 28 days, and what the cycles of a growing history cost."""

import json
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import AIMLOOP, Figure, at_most, environ, measured

YEAR = ["--from", "2017-05-07", "--to", "2017-12-24", "--every", "28d"]
GAIN = {"log-loss": "log_loss", "taken of ten picks a visit on average": "picks"}


def replay(folder: Path) -> dict[str, Figure]:
    """Nine cycles and their blocks through the real service, one process for all."""
    run = measured([AIMLOOP, "replay", *YEAR, "--json"], environ(folder / "state"))
    story = json.loads(run.stdout)
    turns = story["turns"]
    assert len(turns) == 9
    per_row = [_cycle_seconds(turn) / turn["rows"] for turn in turns]
    gap = max(turn["largest_gap"] for turn in turns if turn["largest_gap"] is not None)
    return {
        "loop.replay_seconds": at_most(run.seconds, 1200, "s"),
        "loop.replay_peak_gib": at_most(run.peak_gib, 6, "GiB"),
        "loop.replay_growth": at_most(per_row[-1] / per_row[0], 1.3, "×"),
        "loop.replay_parity": at_most(gap, 1e-6, "probability"),
        "loop.replay_block_seconds": Figure(max(turn["seconds"]["block"] for turn in turns), "s"),
        **gained(story),
    }


def _cycle_seconds(turn: dict[str, Any]) -> float:
    seconds: float = turn["seconds"]["cycle"]
    return seconds


def gained(story: dict[str, Any]) -> dict[str, Figure]:
    """What the loop gained over the other policies, positive where it did better, with intervals by household."""
    found = {}
    for gain in story["gains"]:
        if gain["measure"] in GAIN:
            sign = -1 if gain["measure"] == "log-loss" else 1  # of a loss less is better
            value, *ends = (sign * gain["difference"][end] for end in ("value", "low", "high"))
            name = f"loop.gained_{GAIN[gain['measure']]}_over_{gain['over']}"
            found[name] = Figure(value, "", interval=(min(ends), max(ends)))
    return found
