"""Rotation and erasure, killed (-9) at moments all along: the state is whole each time, and a repeat completes."""

import shutil
from pathlib import Path

import pytest

from flows.forget import finish, forget
from infra.erasing import people
from infra.intake.log_zone import open_log_zone
from tests import killing, small_state
from tests.e2e.search import search_everything
from tests.small_state import ANN, assert_whole, epochs_of, open_door

POINTS = 6  # of 44 and about 180 moments; 25 have been seen to hold, a larger number here looks closer


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_state.build(tmp_path_factory.mktemp("small") / "state").state.root


def spread(count: int) -> list[int]:
    """Moments from the first to the last."""
    return sorted({1 + round((count - 1) * point / (POINTS - 1)) for point in range(POINTS)})


def test_a_rotation_leaves_the_old_keys_or_the_new_ones_whole(small: Path, tmp_path: Path) -> None:
    count = killing.moments(killing.rotate_keys, Path(shutil.copytree(small, tmp_path / "undisturbed")))
    switched = set()
    for moment in spread(count):
        folder = Path(shutil.copytree(small, tmp_path / str(moment)))
        killing.kill(killing.rotate_keys, folder, moment)

        door = open_door(folder)
        assert_whole(door)
        switched.add(door.state.pinned().epoch)
        with door.state.lock():
            assert epochs_of(door) == [door.state.pinned().epoch], "what is left of the other epoch goes"
        assert_whole(door)
    assert switched == {"0001", "0002"}


def test_the_log_is_landed_once_each_row(small: Path, tmp_path: Path) -> None:
    """Killed within the transaction, after it, and after each file that is removed."""
    undisturbed = Path(shutil.copytree(small, tmp_path / "undisturbed"))
    count = killing.moments(killing.land_what_waits, undisturbed)
    expected = rows_of_the_log(undisturbed)
    assert [row[-1] for row in expected] == [True] * len(expected)
    left = set()
    for moment in range(1, count + 1):
        folder = Path(shutil.copytree(small, tmp_path / str(moment)))
        killing.kill(killing.land_what_waits, folder, moment)

        left.add(len(list(open_door(folder).state.predictions.iterdir())))
        assert_whole(open_door(folder))
        assert rows_of_the_log(folder) == expected
    assert left == {1, 2, 3}


def rows_of_the_log(folder: Path) -> list[tuple[object, ...]]:
    """What became of the rows of each landing, and whether they add up."""
    door = open_door(folder)
    with open_log_zone(door.state, door.keys) as zone:
        return zone.execute(
            "SELECT name, read, accepted, quarantined, suppressed, read = accepted + quarantined + suppressed "
            "FROM log.landings ORDER BY name"
        ).fetchall()


def test_an_erasure_is_finished_by_whoever_comes_next(small: Path, tmp_path: Path) -> None:
    undisturbed = Path(shutil.copytree(small, tmp_path / "undisturbed"))
    count = killing.moments(killing.forget_ann, undisturbed)
    (everything,) = small_state.certificates(undisturbed)
    for moment in spread(count):
        folder = Path(shutil.copytree(small, tmp_path / str(moment)))
        killing.kill(killing.forget_ann, folder, moment)

        door = open_door(folder)
        with door.state.lock():
            if people.pending(door.state, door.keys):
                finish(door)
            elif not small_state.certificates(folder):  # killed before anything was written down
                forget(door, [ANN])
        needles = {"id": ANN, "pseudonym": door.keys.pseudonymise(ANN)}
        assert list(search_everything(door.state, needles, open_door(folder).keys)) == []
        (certificate,) = small_state.certificates(folder)
        assert certificate["rows_removed"] == everything["rows_removed"]
        assert certificate["files"].keys() == everything["files"].keys()
