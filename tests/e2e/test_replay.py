"""A short replay by command, killed twice, gone on with, told; then told again at once."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from flows.replay.history import history
from infra.keys import Keys
from infra.state import State
from tests.conftest import PLANTED_ID, Aimloop
from tests.e2e.search import search_folder

SHORT = ("--from", "2017-06-04", "--to", "2017-06-20", "--every", "14d", "--name", "june")


@pytest.fixture(scope="module")
def replayed(
    slice_folder: Path, tmp_path_factory: pytest.TempPathFactory, prefect_server: dict[str, str]
) -> tuple[Aimloop, dict[str, Any]]:
    aimloop = Aimloop(tmp_path_factory.mktemp("replay") / "state", source_folder=slice_folder)
    aimloop.environ |= prefect_server
    kill_when(aimloop, "replay/blocks/00/2017060*.parquet")  # while the first block is asked
    kill_when(aimloop, "replay/blocks/01/*.parquet")  # while the second is
    done = aimloop("replay", *SHORT, "--json")
    assert done.returncode == 0, done.stderr
    return aimloop, json.loads(done.stdout)


def kill_when(aimloop: Aimloop, sign: str) -> None:
    process = aimloop.start("replay", *SHORT)
    deadline = time.monotonic() + 300
    while not any((aimloop.state / "replays" / "june").glob(sign)):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)


def test_what_was_shown_was_asked_of_the_real_service_once(replayed: tuple[Aimloop, dict[str, Any]]) -> None:
    _, story = replayed
    assert [turn["as_of"][:10] for turn in story["turns"]] == ["2017-06-04", "2017-06-18"]
    assert all(turn["placements"] > turn["visits"] > 0 for turn in story["turns"])
    assert all(turn["largest_gap"] < 1e-6 for turn in story["turns"])
    blocks = story["blocks"]
    assert [block["visits"] for block in blocks] == [turn["visits"] for turn in story["turns"]]


def test_the_first_champion_is_the_only_one_in_the_first_block(replayed: tuple[Aimloop, dict[str, Any]]) -> None:
    first, second = replayed[1]["blocks"]
    assert first["loss_loop"] == pytest.approx(first["loss_never"], abs=1e-12) == first["loss_always"]
    assert second["loss_always"] != second["loss_never"]


def test_a_model_with_too_little_history_is_skipped_and_says_from_when_on(
    replayed: tuple[Aimloop, dict[str, Any]],
) -> None:
    first = {found["model"]: found for found in replayed[1]["turns"][0]["trained"]}
    assert first["clv"]["tag"] is None
    assert "trainable from 2017-" in first["clv"]["line"]


def test_the_report_stands_alone(replayed: tuple[Aimloop, dict[str, Any]]) -> None:
    page = Path(replayed[1]["report"]).read_text(encoding="utf-8")
    assert "What the loop gained" in page
    assert "src=" not in page
    assert "picking does not change taking" in page


def test_a_second_run_tells_it_at_once_and_another_plan_is_refused(replayed: tuple[Aimloop, dict[str, Any]]) -> None:
    aimloop, story = replayed
    folder = aimloop.state / "replays" / "june"
    before = history(folder)
    again = aimloop("replay", *SHORT, "--json")
    assert again.returncode == 0
    assert "finished already" in again.stderr
    assert json.loads(again.stdout) == story
    assert history(folder) == before
    other = aimloop("replay", "--from", "2017-06-04", "--to", "2017-07-02", "--every", "14d", "--name", "june")
    assert other.returncode == 2
    assert "begun with another plan" in other.stderr


def test_outside_its_raw_zone_no_customer_of_the_company_s_is_named(replayed: tuple[Aimloop, dict[str, Any]]) -> None:
    aimloop, _ = replayed
    nested = State(aimloop.state / "replays" / "june")
    sealed = Keys("of files that must be encrypted", b"")
    assert list(search_folder(nested.root, {"id": str(PLANTED_ID)}, sealed)) == []
