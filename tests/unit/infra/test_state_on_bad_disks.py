"""Full and read-only disks: real ones where a small tmpfs can be mounted, and the words databases have for them."""

import errno
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from disks import mount

from infra.errors import AimloopError
from infra.files import publish_text
from infra.intake import landing, raw_zone
from infra.keys import Keys
from infra.sources.raw_table import RawTable
from infra.state import State, disk_trouble, explained_disk_errors
from infra.warehouse import EngineError, generation

SOMEWHERE = Path("somewhere")
FULL = f"the disk that holds {SOMEWHERE} is full"


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    descriptor = os.open(filler, os.O_CREAT | os.O_WRONLY)
    with suppress(OSError):
        while os.write(descriptor, b"x" * 4096):
            pass
    os.close(descriptor)
    return filler


# ── a full disk ───────────────────────────────────────────────────────────────────────────────


def test_a_state_folder_is_not_begun_on_a_full_disk_and_is_whole_once_there_is_room(small_disk: Path) -> None:
    filler = fill(small_disk)
    state = State(small_disk / "state")

    with pytest.raises(AimloopError) as caught:
        state.open()
    assert caught.value.what == f"the disk that holds {state.root} is full"
    assert "free some space" in caught.value.remedy

    filler.unlink()
    assert (state.open().root / "VERSION").read_text() == "2\n"


def test_a_state_folder_on_a_disk_that_has_filled_up_is_refused_at_the_door(small_disk: Path) -> None:
    state = State(small_disk / "state").open()
    fill(small_disk)

    with pytest.raises(AimloopError, match="is full"):
        state.open()


def test_a_small_file_keeps_its_old_text_on_a_full_disk(small_disk: Path) -> None:
    publish_text(small_disk / "current", "old\n")
    fill(small_disk)

    with pytest.raises(OSError, match="No space left"):
        publish_text(small_disk / "current", "new\n")

    assert (small_disk / "current").read_text() == "old\n"


def test_landing_on_a_full_disk_keeps_the_old_zone_and_says_that_the_disk_is_full(small_disk: Path, keys: Keys) -> None:
    state = State(small_disk / "state").open()
    small = RawTable("products", "SELECT 'p1' AS product_id")
    big = RawTable("products", "SELECT range || '-' || hash(range) AS product_id FROM range(200000)")
    before = landing.land(state, keys, [small], "small")

    with pytest.raises(AimloopError, match="is full"), explained_disk_errors(state.root):
        landing.land(state, keys, [big], "big")

    assert raw_zone.landed(state, keys, "small") == before


def test_sqlite_says_in_its_own_words_that_the_disk_is_full(small_disk: Path) -> None:
    with closing(sqlite3.connect(small_disk / "ledger.sqlite")) as connection:
        connection.execute("CREATE TABLE t (a)")
        with pytest.raises(AimloopError, match="is full"), explained_disk_errors(small_disk):
            connection.executemany("INSERT INTO t VALUES (?)", [("x" * 1000,)] * 20_000)


# ── a read-only disk ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("is_there_already", [True, False])
def test_a_state_folder_on_a_read_only_disk_is_refused(small_disk: Path, is_there_already: bool) -> None:
    state = State(small_disk / "state")
    if is_there_already:
        state.open()
    mount("-o", "remount,ro", str(small_disk))

    with pytest.raises(AimloopError) as caught:
        state.open()

    assert caught.value.what.startswith(f"{state.root} cannot be written: ")
    assert caught.value.remedy == "make it writable, or choose another folder with AIMLOOP_STATE"


def test_the_databases_say_in_their_own_words_that_the_disk_is_read_only(small_disk: Path) -> None:
    state = State(small_disk / "state").open()
    generation(state, "g").execute("CREATE TABLE t (a INTEGER)")
    with closing(sqlite3.connect(small_disk / "ledger.sqlite")) as connection:
        connection.execute("CREATE TABLE t (a)")
    mount("-o", "remount,ro", str(small_disk))

    with pytest.raises(AimloopError, match="cannot be written"), explained_disk_errors(small_disk):
        generation(state, "g").execute("INSERT INTO t VALUES (1)")
    with (
        closing(sqlite3.connect(small_disk / "ledger.sqlite")) as connection,
        pytest.raises(AimloopError, match="cannot be written"),
        explained_disk_errors(small_disk),
    ):
        connection.execute("INSERT INTO t VALUES (1)")


# ── the words ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (OSError(errno.ENOSPC, "words in another language"), FULL),
        (EngineError('IO Error: Could not write file "x.duckdb": No space left on device'), FULL),
        (sqlite3.OperationalError("database or disk is full"), FULL),
        (RuntimeError("Disk full while sorting"), FULL),
        (OSError(errno.EROFS, "in any words"), f"{SOMEWHERE} cannot be written: [Errno 30] in any words"),
        (OSError(errno.EACCES, "in any words"), f"{SOMEWHERE} cannot be written: [Errno 13] in any words"),
        (OSError(errno.EPERM, "in any words"), f"{SOMEWHERE} cannot be written: [Errno 1] in any words"),
        (
            sqlite3.OperationalError("attempt to write a readonly database"),
            f"{SOMEWHERE} cannot be written: attempt to write a readonly database",
        ),
        (
            EngineError('IO Error: Cannot open file "x": Read-only file system'),
            f'{SOMEWHERE} cannot be written: IO Error: Cannot open file "x": Read-only file system',
        ),
    ],
)
def test_disk_trouble_is_known_by_number_and_by_words(error: Exception, what: str) -> None:
    explained = disk_trouble(error, SOMEWHERE)

    assert explained is not None
    assert explained.what == what


@pytest.mark.parametrize(
    "error",
    [
        ValueError("nothing to do with disks"),
        OSError(errno.ENOENT, "No such file or directory"),
        EngineError("Catalog Error: Table with name diskette does not exist"),
        sqlite3.OperationalError("database is locked"),
    ],
)
def test_other_trouble_stays_what_it_is(error: Exception) -> None:
    assert disk_trouble(error, SOMEWHERE) is None
    with pytest.raises(type(error)) as caught, explained_disk_errors(SOMEWHERE):
        raise error
    assert caught.value is error


def test_a_28_in_a_path_does_not_make_a_disk_full() -> None:
    error = EngineError('IO Error: Could not write file "run-28/zone.duckdb": Input/output error')

    assert disk_trouble(error, SOMEWHERE) is None


def test_an_error_that_is_already_clear_passes_through() -> None:
    clear = AimloopError("no space left in the cupboard", "tidy up")

    with pytest.raises(AimloopError) as caught, explained_disk_errors(SOMEWHERE):
        raise clear

    assert caught.value is clear


def test_the_cause_is_kept() -> None:
    cause = OSError(errno.ENOSPC, "full")

    with pytest.raises(AimloopError) as caught, explained_disk_errors(SOMEWHERE):
        raise cause

    assert caught.value.__cause__ is cause
