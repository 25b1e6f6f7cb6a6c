"""The services' log of predictions: JSON lines in files of their own, written beside the requests, never in their way.

A worker appends to one file at a time, ``<UTC stamp>-<worker>.jsonl.open``, in whole lines, and holds a lock on it
(flock) for as long as it may write. ``.open`` goes when the file is closed. Whoever wants the rows of an open file
takes that ending off: the worker sees within a turn that the name is gone, lets the lock go and begins another file.
A file whose lock is free has no writer any more, whatever it is called (`infra.intake.prediction_files`).
"""

import fcntl
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import orjson

TURN_SECONDS = 0.1
CHUNK_ROWS = 64  # a fifth of a millisecond; then requests have the interpreter for five times as long
PAUSE_SECONDS = 0.001
HURRY_ROWS = 50_000  # where so many wait, there are no pauses
MOST_BYTES = 64 * 2**20
FLUSH_SECONDS = 5.0
SECONDS_BETWEEN_WARNINGS = 60.0
OPEN = ".open"

_log = logging.getLogger(__name__)


class Prediction(NamedTuple):
    """What was said of one row, and by whom.

    ``predicted_at`` and ``as_of`` are ISO 8601 in UTC; ``variant`` is champion or challenger and ``propensity`` the
    chance that the customer had of getting it; ``is_answered`` is false for a shadow, and for what could not be said.
    ``value`` is the click or churn probability or the expected revenue, ``label`` the segment or the risk band; what
    failed has neither. ``latency_ms`` is 0 where it was not asked, because it had failed before. ``application`` is an
    API key's id.
    """

    prediction_id: str
    request_id: str
    predicted_at: str
    model: str
    version: str
    variant: str
    is_answered: bool
    propensity: float
    pseudonym: str
    is_known: bool
    product_id: str | None
    channel: str | None
    placement: str | None
    value: float | None
    label: str | None
    features_fingerprint: str | None
    latency_ms: float
    as_of: str
    application: str


class PredictionLog:
    """Takes rows at once and writes them within a turn; what does not fit is left out and counted.

    A batch is written when ``write`` returned: it survives the worker. It survives the machine once its file is
    closed, which is synced.
    """

    def __init__(self, folder: Path, worker: str, close_after_seconds: float, capacity_rows: int) -> None:
        """Begin to write.

        Args:
            folder: where files go; made when it is not there and its parent is.
            worker: what tells this worker's files from those of others; part of their names.
            close_after_seconds: a file is closed when its first row is that old.
            capacity_rows: how many rows may wait to be written.
        """
        self._folder, self._worker = folder, worker
        self._close_after_seconds, self._capacity = close_after_seconds, capacity_rows
        self._queue: deque[Prediction] = deque()
        self._in_hand: list[Prediction] = []  # taken off the queue, not yet on the disk
        self._counting = threading.Lock()  # held for microseconds: never while anything is written
        self._lost = self._written = 0
        self._trouble: str | None = None
        self._warned_at = float("-inf")
        self._file: _OpenFile | None = None
        self._is_closed = False
        self._flush_before: float | None = None
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._work, name="prediction log", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Rows that were left out for good."""
        return self._lost

    @property
    def written(self) -> int:
        return self._written

    @property
    def trouble(self) -> str | None:
        """Why rows cannot be written now; None when all is well."""
        return self._trouble

    def add(self, rows: Sequence[Prediction]) -> None:
        """Take rows; never waits for a disk, never raises."""
        with self._counting:
            room = 0 if self._is_closed else self._capacity - len(self._queue) - len(self._in_hand)
            self._queue.extend(rows if len(rows) <= room else rows[:room])
            self._lost += max(0, len(rows) - room)

    def close(self, flush_seconds: float = FLUSH_SECONDS) -> int:
        """Write what waits, for at most that long, and close the file; returns how many rows were lost in all."""
        with self._counting:
            self._is_closed = True
        if self._flush_before is None:
            self._flush_before = time.monotonic() + flush_seconds
        self._wake.set()
        self._thread.join(flush_seconds + TURN_SECONDS)  # a disk that hangs is not waited for
        with self._counting:
            self._lost += len(self._queue) + len(self._in_hand)
            self._queue.clear()
            self._in_hand = []
        if self._lost:
            _log.warning("prediction log: %d rows written, %d lost", self._written, self._lost)
        return self._lost

    # ── the writer's thread ───────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        while not self._wake.wait(TURN_SECONDS):
            self._turn()
        deadline = self._flush_before or 0.0
        while not self._turn(is_last=True) and time.monotonic() < deadline:
            time.sleep(TURN_SECONDS)

    def _turn(self, *, is_last: bool = False) -> bool:
        """Write all that waits; true when it is written, and the file is closed where it is to be."""
        try:
            if self._file is not None and not self._file.has_its_name():
                self._file.let_go()
                self._file = None
            while self._take():
                self._write()
                self._close_file_if_due()
                if self._queue and len(self._queue) < HURRY_ROWS and not is_last:
                    time.sleep(PAUSE_SECONDS)
            self._close_file_if_due(now=is_last)
        except OSError as error:
            self._warn(f"{self._folder} cannot be written: {error.strerror or error}")
            return False
        except Exception as error:  # whatever it is, the thread must go on
            self._warn(f"the prediction log fails: {type(error).__name__}")
            return False
        self._trouble = None
        return True

    def _take(self) -> bool:
        """Have rows in hand: those that could not be written before, or the next ones of the queue."""
        with self._counting:
            if not self._in_hand:
                self._in_hand = [self._queue.popleft() for _ in range(min(CHUNK_ROWS, len(self._queue)))]
            return bool(self._in_hand)

    def _write(self) -> None:
        lines = [line for row in self._in_hand if (line := _line(row)) is not None]
        if lines:
            if self._file is None:
                self._file = _OpenFile(self._folder, self._worker)
            self._file.append(b"".join(lines))
        with self._counting:
            self._written += len(lines)
            self._lost += len(self._in_hand) - len(lines)
            self._in_hand = []

    def _close_file_if_due(self, *, now: bool = False) -> None:
        file = self._file
        if file is None:
            return
        if now or file.size >= MOST_BYTES or time.monotonic() - file.opened_at >= self._close_after_seconds:
            file.close()
            self._file = None

    def _warn(self, trouble: str) -> None:
        self._trouble = trouble
        if time.monotonic() - self._warned_at >= SECONDS_BETWEEN_WARNINGS:
            self._warned_at = time.monotonic()
            _log.warning("prediction log: %s; %d rows wait, %d are lost", trouble, len(self._queue), self._lost)


def _line(row: Prediction) -> bytes | None:
    """The row as a line; None where it is no JSON (half a surrogate pair in a product's id)."""
    try:
        return orjson.dumps(row._asdict(), option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:
        return None


class _OpenFile:
    """One file of the log while it is written: owner-only, locked, never half a line longer than ``size`` says."""

    def __init__(self, folder: Path, worker: str) -> None:
        """Raises:
        OSError: the folder cannot be written.
        """
        folder.mkdir(mode=0o700, exist_ok=True)
        self.path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{worker}.jsonl{OPEN}"
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size = 0
        self.opened_at = time.monotonic()
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not self.has_its_name():  # somebody took it for a dead writer's before it was locked
                raise FileNotFoundError(f"{self.path} was taken")
        except OSError:
            self.path.unlink(missing_ok=True)
            self.let_go()
            raise

    def has_its_name(self) -> bool:
        """Does the name still lead to this file?"""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return False
        mine = os.fstat(self._descriptor)
        return (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino)

    def append(self, lines: bytes) -> None:
        """Raises:
        OSError: nothing of it stays then; what an earlier failure could not cut back is cut back first.
        """
        if os.fstat(self._descriptor).st_size != self.size:
            os.ftruncate(self._descriptor, self.size)
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(lines)

    def close(self) -> None:
        """Sync it, give it its final name, and let it go.

        Raises:
            OSError: it stays open then.
        """
        if self.size:
            os.fsync(self._descriptor)
            self.path.rename(self.path.with_name(self.path.name.removesuffix(OPEN)))
        else:
            self.path.unlink()
        self.let_go()

    def let_go(self) -> None:
        os.close(self._descriptor)
