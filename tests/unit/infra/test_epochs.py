"""Epochs: layout 1 becomes the first of them, whenever the move is cut short; one pointer says which counts."""

from pathlib import Path

import pytest

from infra import epochs
from infra.errors import AimloopError
from infra.state import State


def layout_1(root: Path) -> Path:
    """A state folder as code before epochs left it."""
    for name in epochs.FOLDERS:
        (root / name).mkdir(parents=True)
        (root / name / "content").write_text(name)
    (root / "VERSION").write_text("1\n")
    (root / "ledger.sqlite").write_text("")
    return root


def assert_migrated(root: Path) -> None:
    state = State(root).open()
    assert (root / "VERSION").read_text() == "2\n"
    assert state.epoch_folder == root / "epochs" / "0001"
    for name in epochs.FOLDERS:
        assert (state.epoch_folder / name / "content").read_text() == name
        assert not (root / name).exists()


def test_layout_1_becomes_the_first_epoch(tmp_path: Path) -> None:
    assert_migrated(layout_1(tmp_path / "state"))


@pytest.mark.parametrize("step", range(1, 8))
def test_a_move_that_is_cut_short_is_finished_by_the_next_opening(
    tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = layout_1(tmp_path / "state")
    left = step
    for name in ("rename", "replace", "mkdir"):
        original = getattr(Path, name)

        def counted(self: Path, *args, original=original, **kwargs):  # type: ignore[no-untyped-def]
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= self.is_relative_to(root)
            return original(self, *args, **kwargs)

        monkeypatch.setattr(Path, name, counted)

    with pytest.raises(KeyboardInterrupt):
        State(root).open()
    monkeypatch.undo()

    assert_migrated(root)


def test_nobody_migrates_while_another_holds_the_lock(tmp_path: Path) -> None:
    root = layout_1(tmp_path / "state")

    with State(root).lock(), pytest.raises(AimloopError, match="another cycle is running"):
        State(root).open()

    assert (root / "VERSION").read_text() == "1\n"
    assert_migrated(root)


def test_readers_see_the_old_epoch_until_the_switch_and_the_new_one_after_it(state: State) -> None:
    before = state.pinned()
    name = epochs.start(state.root)
    assert state.pinned() == before

    epochs.switch(state.root, name)

    assert (name, state.pinned().epoch, before.epoch) == ("0002", "0002", "0001")
    assert state.raw_zone == state.root / "epochs" / "0002" / "raw" / "zone.duckdb"


def test_who_locks_the_state_clears_away_what_an_interrupted_rotation_left(state: State) -> None:
    epochs.start(state.root)

    with state.lock():
        assert [path.name for path in (state.root / "epochs").iterdir() if path.is_dir()] == ["0001"]


def test_a_lost_pointer_is_not_guessed(state: State) -> None:
    epochs.switch(state.root, epochs.start(state.root))
    (state.root / "epochs" / "current").unlink()

    with pytest.raises(AimloopError, match="more than one epoch") as caught:
        state.open()

    assert "newest folder" in caught.value.remedy
