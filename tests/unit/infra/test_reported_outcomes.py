"""Outcomes: kept once, whole or not at all, and on the disk before anybody is told."""

import multiprocessing
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from disks import mount

from infra.errors import AimloopError
from infra.outcomes import Outcome, OutcomeConflict, Outcomes

NOW = datetime(2026, 3, 2, 9, 30)
SHOWN = Outcome("o1", "p1", "shown", datetime(2026, 3, 2, 9), None, "key1")
BOUGHT = Outcome("o2", "p1", "converted", datetime(2026, 3, 2, 9, 5), 12.5, "key1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outcomes.sqlite"


def kept(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM outcomes ORDER BY position").fetchall()


def test_what_is_new_is_accepted_and_what_comes_again_is_known(path: Path) -> None:
    outcomes = Outcomes(path)

    assert outcomes.report([SHOWN], NOW) == (1, 0)
    assert outcomes.report([SHOWN, BOUGHT, BOUGHT], datetime(2026, 3, 3)) == (1, 2)
    assert outcomes.report([], NOW) == (0, 0)

    at = "2026-03-02T09:00:00.000000"
    assert kept(path)[0] == (1, "o1", "p1", "shown", at, None, "2026-03-02T09:30:00.000000", "key1", None)
    assert [row[1] for row in kept(path)] == ["o1", "o2"]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "other",
    [
        {"prediction_id": "p2"},
        {"kind": "clicked"},
        {"occurred_at": NOW},
        {"revenue": 12.0},
        {"revenue": None},
        {"propensity": 0.5},
    ],
)
def test_an_id_with_another_content_is_refused_and_nothing_of_the_report_is_kept(path: Path, other: dict) -> None:  # type: ignore[type-arg]
    outcomes = Outcomes(path)
    outcomes.report([BOUGHT], NOW)

    with pytest.raises(OutcomeConflict, match="'o2' was reported before with another content"):
        outcomes.report([SHOWN, BOUGHT._replace(**other)], NOW)

    assert [row[1] for row in kept(path)] == ["o2"]
    assert outcomes.report([SHOWN], NOW) == (1, 0)


def test_an_id_that_comes_twice_in_one_report_with_two_contents_is_refused(path: Path) -> None:
    with pytest.raises(OutcomeConflict):
        Outcomes(path).report([SHOWN, SHOWN._replace(prediction_id="p2")], NOW)

    assert kept(path) == []


def test_the_chance_of_what_was_shown_is_a_part_of_it(path: Path) -> None:
    outcomes = Outcomes(path)
    by_chance = SHOWN._replace(propensity=0.9)

    assert outcomes.report([by_chance], NOW) == (1, 0)
    assert outcomes.report([by_chance], NOW) == (0, 1)
    for other in (0.8, None):
        with pytest.raises(OutcomeConflict):
            outcomes.report([SHOWN._replace(propensity=other)], NOW)
    assert [row[-1] for row in kept(path)] == [0.9]


def of_an_older_version(path: Path) -> None:
    """A file as it was made before propensities were reported, with one report in it."""
    Outcomes(path).report([SHOWN], NOW)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE outcomes DROP COLUMN propensity")


def test_a_file_of_an_older_version_is_completed_and_keeps_what_it_has(path: Path) -> None:
    of_an_older_version(path)
    assert "propensity" not in str(columns(path))

    for _ in range(2):
        outcomes = Outcomes(path)
        outcomes.report([SHOWN, SHOWN._replace(outcome_id="o3", propensity=0.9)], NOW)
        outcomes.close()

    assert [(row[1], row[-1]) for row in kept(path)] == [("o1", None), ("o3", 0.9)]
    assert columns(path).count("propensity") == 1


def columns(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [name for _, name, *_ in connection.execute("PRAGMA table_info(outcomes)")]


def test_several_workers_complete_a_file_of_an_older_version_at_once(path: Path) -> None:
    of_an_older_version(path)
    gate = threading.Barrier(8)

    def begin(worker: int) -> tuple[int, int]:
        gate.wait(10)
        return Outcomes(path).report([SHOWN._replace(outcome_id=f"of {worker}", propensity=0.5)], NOW)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(begin, range(8))) == [(1, 0)] * 8
    assert columns(path).count("propensity") == 1


def test_the_same_report_by_another_application_is_known(path: Path) -> None:
    outcomes = Outcomes(path)
    outcomes.report([SHOWN], NOW)

    assert outcomes.report([SHOWN._replace(application="key2")], NOW) == (0, 1)


def report_hundreds(path: Path, worker: int) -> None:
    outcomes = Outcomes(path)
    for n in range(100):
        outcomes.report([SHOWN._replace(outcome_id=f"all-{n}"), SHOWN._replace(outcome_id=f"{worker}-{n}")], NOW)


def test_several_workers_report_at_once(path: Path) -> None:
    fresh = multiprocessing.get_context("forkserver")
    workers = [fresh.Process(target=report_hundreds, args=(path, worker)) for worker in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert len(kept(path)) == 400


def test_a_read_only_disk_is_told_in_words_and_reports_go_on_afterwards(small_disk: Path) -> None:
    outcomes = Outcomes(small_disk / "outcomes.sqlite")
    mount("-o", "remount,ro", str(small_disk))
    with pytest.raises(AimloopError, match="cannot be written"):
        outcomes.report([SHOWN], NOW)
    mount("-o", "remount,rw", str(small_disk))

    assert outcomes.report([SHOWN], NOW) == (1, 0)


def test_a_full_disk_is_told_in_words_and_nothing_is_half_kept(small_disk: Path) -> None:
    outcomes = Outcomes(small_disk / "outcomes.sqlite")
    many = [SHOWN._replace(outcome_id=f"{n}-{'x' * 400}") for n in range(20_000)]
    outcomes.report([SHOWN], NOW)

    with pytest.raises(AimloopError, match="is full"):
        outcomes.report(many, NOW)

    assert [row[1] for row in kept(small_disk / "outcomes.sqlite")] == ["o1"]
    assert outcomes.report([BOUGHT], NOW) == (1, 0)


def test_a_file_that_is_no_database_is_told_in_words(path: Path) -> None:
    path.write_bytes(b"no database at all " * 100)

    with pytest.raises(AimloopError, match="outcomes cannot be written to"):
        Outcomes(path).report([SHOWN], NOW)
