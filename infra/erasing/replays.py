"""Replays live in state folders of their own, with copies of everything: they go whole, never row by row.

What a replay found is made again by running it again; so neither an erasure nor a rotation of keys rewrites one.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from infra.errors import AimloopError
from infra.state import State

_DROPPED = ".dropped"
_END_IT = "end it (Ctrl-C), then run this again: replays hold copies of everything, and go whole"


@contextmanager
def held(state: State, remedy: str) -> Iterator[None]:
    """Hold the replays of a state folder: nobody else begins, continues or drops one meanwhile.

    Raises:
        AimloopError: a replay is running; ``remedy`` says what to do.
    """
    state.replays.mkdir(mode=0o700, exist_ok=True)
    lock = FileLock(state.replays / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise AimloopError(f"a replay is running in {state.replays}", remedy) from None
    try:
        yield
    finally:
        lock.release()


def refuse_running(state: State) -> None:
    """Raises AimloopError where a replay is running: it could not be dropped."""
    if state.replays.exists():
        with held(state, _END_IT):
            return


def names(state: State) -> list[str]:
    """Of the replays there are, unfinished ones too."""
    return sorted(path.name for path in _folders(state) if path.suffix != _DROPPED)


def _folders(state: State) -> list[Path]:
    return [path for path in state.replays.glob("*") if path.is_dir()]


def drop_all(state: State) -> list[str]:
    """Remove every replay whole; returns their names. Cut short, a repeat goes on.

    Raises:
        AimloopError: one is running.
    """
    if not state.replays.exists():
        return []
    with held(state, _END_IT):
        found = names(state)
        for folder in _folders(state):
            drop(folder)
    return found


def drop(folder: Path) -> None:
    """Remove one replay: first its name goes, so that what is left of one cut short is never taken for a replay."""
    if folder.exists() and folder.suffix != _DROPPED:
        gone = folder.with_name(folder.name + _DROPPED)
        shutil.rmtree(gone, ignore_errors=True)
        folder = folder.rename(gone)
    shutil.rmtree(folder, ignore_errors=True)
