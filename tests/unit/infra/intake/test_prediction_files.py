"""Which files of the prediction log may be read: those that nobody writes any more."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from prediction_examples import rows

from infra.errors import AimloopError
from infra.intake import prediction_files
from infra.prediction_log import PredictionLog


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """An open file whose writer never looks at its name."""
    path = tmp_path / "1-hung.jsonl.open"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield path
    os.close(descriptor)


def test_closed_files_and_those_of_dead_writers_are_free_the_oldest_first(tmp_path: Path, held: Path) -> None:
    for name in ("2-w.jsonl.open", "0-w.jsonl", "3-w.txt"):
        (tmp_path / name).touch()

    assert prediction_files.free(tmp_path) == [tmp_path / "0-w.jsonl", tmp_path / "2-w.jsonl"]
    assert held.exists()


def test_a_writer_lets_go_of_its_file_when_asked_and_goes_on(tmp_path: Path) -> None:
    writer = PredictionLog(tmp_path, "w1", 600, 100)
    writer.add(rows(3))
    while writer.written < 3:
        pass

    (taken,) = prediction_files.every(tmp_path)

    assert len(taken.read_bytes().splitlines()) == 3
    writer.add(rows(2))
    writer.close()
    assert writer.lost == 0
    assert [len(path.read_bytes().splitlines()) for path in prediction_files.free(tmp_path)] == [3, 2]


def test_a_writer_that_does_not_let_go_is_named(tmp_path: Path, held: Path) -> None:
    with pytest.raises(AimloopError, match=r"a service does not let go of .*1-hung"):
        prediction_files.every(tmp_path, wait_seconds=0.1)

    assert prediction_files.free(tmp_path) == []


def test_a_folder_that_is_not_there_holds_no_file(tmp_path: Path) -> None:
    assert prediction_files.free(tmp_path / "none") == prediction_files.every(tmp_path / "none") == []
