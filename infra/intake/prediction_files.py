"""Files of the prediction log that nobody writes any more, or soon will not.

A file's writer holds a lock on it (`infra.prediction_log`); one that was killed has left it free, and its file is
taken over. A writer that lives lets go of a file whose name is changed.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.errors import AimloopError
from infra.prediction_log import OPEN

WAIT_SECONDS = 10.0
_LOOK_SECONDS = 0.02


def free(folder: Path) -> list[Path]:
    """Files without a writer, the oldest first; those of writers that died get the name of a closed one."""
    found = []
    for path in _files(folder):
        with _locked(path) as is_locked:
            # renamed under the lock: a writer that has made the file, and not locked it yet, then sees that it is gone
            if is_locked and (closed := _closed(path)) is not None:
                found.append(closed)
    return sorted(found)


def every(folder: Path, wait_seconds: float = WAIT_SECONDS) -> list[Path]:
    """Every file there is now, the oldest first: their writers are made to let go and begin others.

    Raises:
        AimloopError: one does not let go in time.
    """
    files = sorted(closed for path in _files(folder) if (closed := _closed(path)) is not None)
    deadline = time.monotonic() + wait_seconds
    for path in files:
        while not _is_free(path):
            if time.monotonic() > deadline:
                raise AimloopError(
                    f"a service does not let go of {path}", "stop it (its disk may hang), then run this again"
                )
            time.sleep(_LOOK_SECONDS)
    return files


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.jsonl*") if path.name.endswith((".jsonl", f".jsonl{OPEN}"))]


def _closed(path: Path) -> Path | None:
    """The file under its final name; None where its writer has removed it meanwhile."""
    closed = path.with_name(path.name.removesuffix(OPEN))
    try:
        return path.rename(closed)
    except FileNotFoundError:  # its writer closed it, or took an empty one away
        return closed if closed.exists() else None


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold the file's lock; false where a writer holds it, or the file is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        is_locked = False
    else:
        is_locked = True
    try:
        yield is_locked
    finally:
        os.close(descriptor)


def _is_free(path: Path) -> bool:
    with _locked(path) as is_locked:
        return is_locked
