"""The state folder: its layout version, who may see it, who may write, and how small files change."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.errors import AimloopError
from infra.files import publish_text
from infra.state import State

HOLDER = """
import sys
from pathlib import Path
from infra.state import State

with State(Path(sys.argv[1])).lock():
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process_holding_the_lock(state: State) -> Iterator[subprocess.Popen[str]]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(state.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
    finally:
        holder.kill()
        holder.communicate()


# ── layout ────────────────────────────────────────────────────────────────────────────────────


def test_a_new_state_folder_has_version_2_and_all_its_rooms(tmp_path: Path) -> None:
    state = State(tmp_path / "a" / "b").open()

    assert (state.root / "VERSION").read_text() == "2\n"
    assert {path.name for path in state.root.iterdir()} == {
        *("VERSION", "epochs", "dbt", "bentoml", "prefect", "reports", "cards")
    }
    assert {path.name for path in state.epoch_folder.iterdir()} == {
        "keys",
        "raw",
        "warehouse",
        "profiles",
        "predictions",
    }


def test_opening_again_changes_nothing_that_is_there(state: State) -> None:
    (state.warehouse / "current").write_text("a\n")

    assert state.open() == state
    assert (state.warehouse / "current").read_text() == "a\n"


def test_only_the_owner_sees_into_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "state"
    root.mkdir(mode=0o755)

    State(root).open()

    assert stat.S_IMODE(root.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("found", "remedy"),
    [
        ("3", "update aimloop, or choose another folder with AIMLOOP_STATE"),
        ("10", "update aimloop, or choose another folder with AIMLOOP_STATE"),
        ("0", "move {root} away and run again; this code cannot migrate that layout"),
        ("-1", "move {root} away and run again; this code cannot migrate that layout"),
        ("one", "move {root} away and run again; this code cannot migrate that layout"),
        ("", "move {root} away and run again; this code cannot migrate that layout"),
    ],
)
def test_another_layout_is_refused_with_what_to_do(state: State, found: str, remedy: str) -> None:
    (state.root / "VERSION").write_text(found)

    with pytest.raises(AimloopError) as caught:
        state.open()

    assert caught.value.what == f"{state.root} has layout version '{found}', this code writes version 2"
    assert caught.value.remedy == remedy.format(root=state.root)


@pytest.mark.parametrize("garbled", [b"\xff\xfe1\x00", "²".encode()])
def test_a_garbled_version_is_refused_with_what_to_do(state: State, garbled: bytes) -> None:
    (state.root / "VERSION").write_bytes(garbled)

    with pytest.raises(AimloopError, match="layout version"):
        state.open()


def test_a_file_in_the_place_of_the_folder_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("not a folder")

    with pytest.raises(AimloopError, match="state"):
        State(tmp_path / "state").open()


def test_a_folder_of_other_things_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o755)
    (home / "letters.txt").write_text("dear")

    with pytest.raises(AimloopError) as caught:
        State(home).open()

    assert caught.value.what == f"{home} holds other things than aimloop's state"
    assert [path.name for path in home.iterdir()] == ["letters.txt"]
    assert stat.S_IMODE(home.stat().st_mode) == 0o755


def test_what_an_interrupted_first_opening_left_does_not_hinder_the_next(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "VERSION.fresh").write_text("")

    assert (State(tmp_path / "state").open().root / "VERSION").read_text() == "2\n"


@pytest.mark.parametrize("made", ["lost+found", "bentoml"])
def test_the_root_of_a_fresh_volume_is_taken(tmp_path: Path, made: str) -> None:
    """`bentoml serve` makes its home there before a service looks."""
    (tmp_path / "volume" / made).mkdir(parents=True)

    State(tmp_path / "volume").open()


def test_a_refused_layout_is_not_rewritten(state: State) -> None:
    (state.root / "VERSION").write_text("3\n")

    with pytest.raises(AimloopError):
        state.open()

    assert (state.root / "VERSION").read_text() == "3\n"


def test_homes_lie_in_the_folder_and_telemetry_is_off(state: State) -> None:
    environ = {"BENTOML_HOME": "elsewhere", "PATH": "kept"}

    state.set_homes(environ)

    assert environ == {
        "PATH": "kept",
        "BENTOML_HOME": str(state.root / "bentoml"),
        "PREFECT_HOME": str(state.root / "prefect"),
        "DO_NOT_TRACK": "1",
        "BENTOML_DO_NOT_TRACK": "True",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "GOMP_SPINCOUNT": "1000",
        "MPLCONFIGDIR": str(state.root / "matplotlib"),
    }


# ── lock ──────────────────────────────────────────────────────────────────────────────────────


def test_a_second_writer_is_refused_and_told_why(state: State) -> None:
    with another_process_holding_the_lock(state), pytest.raises(AimloopError) as caught, state.lock():
        pass

    assert caught.value.what == f"another cycle is running in {state.root}"
    assert "aimloop status" in caught.value.remedy


def test_the_lock_is_free_again_when_its_holder_is_killed(state: State) -> None:
    with another_process_holding_the_lock(state) as holder:
        holder.kill()
        assert holder.wait() == -9
        with state.lock():
            pass


def test_the_lock_is_free_again_when_the_work_fails(state: State) -> None:
    with pytest.raises(ZeroDivisionError), state.lock():
        raise ZeroDivisionError
    with state.lock():
        pass


def test_two_folders_have_two_locks(state: State, tmp_path: Path) -> None:
    other = State(tmp_path / "other").open()

    with state.lock(), other.lock():
        pass


# ── small files ───────────────────────────────────────────────────────────────────────────────


def test_a_small_file_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "current"

    publish_text(file, "a rather long first text\n")
    publish_text(file, "short\n")

    assert file.read_text() == "short\n"
    assert [path.name for path in tmp_path.iterdir()] == ["current"]


def test_who_opened_a_small_file_before_reads_the_old_text_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "current"
    publish_text(file, "old\n")

    with file.open() as reader:
        publish_text(file, "new\n")
        assert reader.read() == "old\n"

    assert file.read_text() == "new\n"


def test_the_old_text_stays_when_writing_fails(tmp_path: Path) -> None:
    file = tmp_path / "current"
    publish_text(file, "old\n")

    with pytest.raises(UnicodeEncodeError):
        publish_text(file, "half of the text can be written \ud800")

    assert file.read_text() == "old\n"


def test_what_an_interrupted_write_left_does_not_hinder_the_next(tmp_path: Path) -> None:
    (tmp_path / "current.fresh").write_text("half a te")

    publish_text(tmp_path / "current", "whole\n")

    assert (tmp_path / "current").read_text() == "whole\n"
