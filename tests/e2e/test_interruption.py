"""Killed at any moment, the next run completes, and nothing differs from an undisturbed one."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from infra.state import State
from tests.conftest import Aimloop
from tests.e2e.conftest import AS_OF, SmallCycle


@pytest.fixture(scope="module")
def interrupted(small_cycle: SmallCycle, tmp_path_factory: pytest.TempPathFactory) -> Aimloop:
    """The same data and keys in another state folder, so that the results can be compared."""
    keys = {
        f"{key.stem}_key": key.read_text(encoding="ascii").strip() for key in State(small_cycle.state).keys.iterdir()
    }
    folder = small_cycle.aimloop.environ["AIMLOOP_SOURCE_FOLDER"]
    return Aimloop(tmp_path_factory.mktemp("interrupted") / "state", source_folder=folder, **keys)


def kill_when(aimloop: Aimloop, sign: str, prefect_server: dict[str, str]) -> None:
    """Start a run and kill -9 it when a file that matches ``sign`` appears."""
    process = aimloop.start("run", "--as-of", AS_OF, **prefect_server)
    deadline = time.monotonic() + 240
    while not any(aimloop.state.glob(sign)):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL


def test_kill_9_anywhere_leaves_a_state_from_which_the_next_run_completes(
    interrupted: Aimloop, small_cycle: SmallCycle, prefect_server: dict[str, str]
) -> None:
    kill_when(interrupted, "epochs/*/warehouse/*.building.duckdb", prefect_server)  # while dbt builds
    assert not (State(interrupted.state).warehouse / "current").exists()
    kill_when(interrupted, "bentoml/models/segmentation/*", prefect_server)  # while models are trained
    done = interrupted("run", "--json", "--as-of", AS_OF, **prefect_server)
    assert done.returncode == 0, done.stderr
    status = json.loads(done.stdout)
    assert status["cycle"]["id"] == small_cycle.status["cycle"]["id"]
    for part in ("rows", "models", "champions", "plan"):
        here, there = (dict(of[part]) for of in (status, small_cycle.status))
        assert here | {"report": None} == there | {"report": None}  # it lies in another folder
    assert status["drift"]["reason"] == small_cycle.status["drift"]["reason"]
    assert list(interrupted.state.glob("**/*.building*")) == []


def test_ctrl_c_says_how_to_go_on(interrupted: Aimloop, prefect_server: dict[str, str]) -> None:
    process = interrupted.start("run", "--as-of", "2017-11-06", **prefect_server)
    deadline = time.monotonic() + 120
    while not any(interrupted.state.glob("epochs/*/warehouse/*.building.duckdb")):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "goes on from there" in stderr


def test_a_second_run_at_the_same_time_is_refused(interrupted: Aimloop) -> None:
    with State(Path(interrupted.state)).lock():
        second = interrupted("run")
    assert second.returncode == 2
    assert "another cycle is running" in second.stderr
    assert "Traceback" not in second.stderr
