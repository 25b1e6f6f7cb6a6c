"""The writer of the prediction log: whole lines, counted losses, files that say whether they are in use."""

import fcntl
import logging
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from disks import mount
from prediction_examples import ROW, rows

from infra import prediction_log
from infra.prediction_log import Prediction, PredictionLog


@contextmanager
def log(folder: Path, close_after_seconds: float = 600, capacity_rows: int = 10_000) -> Iterator[PredictionLog]:
    writer = PredictionLog(folder, "w1", close_after_seconds, capacity_rows)
    try:
        yield writer
    finally:
        writer.close(0.5)


def soon(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def found(folder: Path) -> list[str]:
    """The predictions in all files, in order; a line that is no row fails."""
    return [
        orjson.loads(line)["prediction_id"] for path in sorted(folder.iterdir()) for line in path.read_bytes().split()
    ]


def test_rows_are_written_as_lines_that_hold_every_field_and_the_file_gets_its_name_at_the_end(tmp_path: Path) -> None:
    with log(tmp_path / "log") as writer:
        writer.add([ROW, ROW._replace(prediction_id="p2", value=float("nan"))])

    (file,) = (tmp_path / "log").iterdir()
    first, second = file.read_bytes().splitlines()
    assert file.suffix == ".jsonl"
    assert file.stat().st_mode & 0o777 == 0o600
    assert Prediction(**orjson.loads(first)) == ROW
    assert orjson.loads(second)["value"] is None
    assert (writer.written, writer.lost, writer.trouble) == (2, 0, None)


def test_a_row_is_on_the_disk_within_a_moment_while_the_file_is_open(tmp_path: Path) -> None:
    with log(tmp_path) as writer:
        writer.add(rows(1000))
        soon(lambda: writer.written == 1000)

        (file,) = tmp_path.iterdir()
        assert file.name.endswith("-w1.jsonl.open")
        assert found(tmp_path) == [f"p{n}" for n in range(1000)]


def test_a_file_is_closed_when_it_is_old_or_large_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with log(tmp_path, close_after_seconds=0.2) as writer:
        writer.add(rows(1))
        soon(lambda: [path.suffix for path in tmp_path.iterdir()] == [".jsonl"])
    monkeypatch.setattr(prediction_log, "MOST_BYTES", 1)
    with log(tmp_path) as writer:
        writer.add(rows(prediction_log.CHUNK_ROWS + 1))
        soon(lambda: [path.suffix for path in tmp_path.iterdir()] == [".jsonl"] * 3)


def test_rows_beyond_the_capacity_are_left_out_and_counted(tmp_path: Path) -> None:
    nowhere = tmp_path / "gone" / "log"
    with log(nowhere, capacity_rows=10) as writer:
        writer.add(rows(8))
        writer.add(rows(5, first=8))
        assert writer.lost == 3
        soon(lambda: writer.trouble is not None)
        assert writer.trouble == f"{nowhere} cannot be written: No such file or directory"

        nowhere.parent.mkdir()
        soon(lambda: writer.written == 10)
        soon(lambda: writer.trouble is None)

    assert found(nowhere) == [f"p{n}" for n in range(10)]


def test_what_cannot_be_written_before_the_end_is_lost_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = PredictionLog(tmp_path / "gone" / "log", "w1", 600, 1000)
    writer.add(rows(7))
    began = time.monotonic()
    with caplog.at_level(logging.WARNING):
        assert writer.close(0.3) == 7

    assert time.monotonic() - began < 3
    assert "0 rows written, 7 lost" in caplog.text
    writer.add(rows(2))
    assert (writer.lost, writer.written) == (9, 0)


def test_trouble_is_logged_once_a_minute(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), log(tmp_path / "gone" / "log") as writer:
        writer.add(rows(1))
        soon(lambda: writer.trouble is not None)
        time.sleep(0.5)
        assert len(caplog.records) == 1


def test_a_text_that_is_no_unicode_costs_its_own_row_alone(tmp_path: Path) -> None:
    with log(tmp_path) as writer:
        writer.add([*rows(1), ROW._replace(product_id="\ud800"), *rows(1, first=1)])

    assert found(tmp_path) == ["p0", "p1"]
    assert (writer.written, writer.lost) == (2, 1)


def test_a_file_that_lost_its_name_is_let_go_and_another_is_begun(tmp_path: Path) -> None:
    with log(tmp_path) as writer:
        writer.add(rows(1))
        soon(lambda: writer.written == 1)
        (first,) = tmp_path.iterdir()
        taken = first.rename(first.with_suffix(""))
        soon(lambda: is_free(taken))

        writer.add(rows(1, first=1))
        soon(lambda: writer.written == 2)
        assert len(list(tmp_path.glob("*.open"))) == 1

    assert found(tmp_path) == ["p0", "p1"]
    assert (writer.lost, writer.trouble) == (0, None)


def is_free(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_many_threads_add_and_nothing_is_counted_twice_or_not_at_all(tmp_path: Path) -> None:
    with log(tmp_path, capacity_rows=3000) as writer:
        threads = [threading.Thread(target=lambda: [writer.add(rows(50)) for _ in range(200)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert writer.written + writer.lost == 40_000
    assert len(found(tmp_path)) == writer.written


def write_until_killed(folder: Path) -> None:
    writer = PredictionLog(folder, "w1", 600, 1_000_000)
    while True:
        writer.add(rows(20))
        time.sleep(0.001)


def test_a_killed_writer_leaves_whole_lines_in_a_file_that_is_free(tmp_path: Path) -> None:
    process = multiprocessing.get_context("forkserver").Process(target=write_until_killed, args=(tmp_path,))
    process.start()
    try:
        soon(lambda: any(path.stat().st_size > 1_000_000 for path in tmp_path.glob("*.open")))
        (file,) = tmp_path.iterdir()
        assert not is_free(file)
    finally:
        process.kill()
        process.join()

    assert is_free(file)
    assert file.name.endswith(".open")
    assert len(found(tmp_path)) > 1000
    assert file.read_bytes().endswith(b"\n")


# ── disks ─────────────────────────────────────────────────────────────────────────────────────


def test_rows_wait_for_a_full_disk_and_no_half_line_stays(small_disk: Path) -> None:
    with log(small_disk / "log", capacity_rows=100_000) as writer:
        writer.add(rows(20_000))
        soon(lambda: writer.trouble is not None)
        assert writer.trouble == f"{small_disk / 'log'} cannot be written: No space left on device"
        assert len(found(small_disk / "log")) == writer.written > 0

        mount("-o", "remount,size=32m", str(small_disk))
        soon(lambda: writer.written == 20_000)
    assert found(small_disk / "log") == [f"p{n}" for n in range(20_000)]
    assert writer.lost == 0


def test_rows_wait_for_a_read_only_disk(small_disk: Path) -> None:
    mount("-o", "remount,ro", str(small_disk))
    with log(small_disk / "log") as writer:
        writer.add(rows(3))
        soon(lambda: writer.trouble is not None)
        assert writer.trouble == f"{small_disk / 'log'} cannot be written: Read-only file system"

        mount("-o", "remount,rw", str(small_disk))
        soon(lambda: writer.written == 3)
