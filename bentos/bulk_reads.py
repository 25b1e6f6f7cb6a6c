"""Who reads many profiles is on record: a key that takes a whole base away does not go unseen."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.audit import Audit
from infra.ledger import Ledger

MANY = 100
SPAN_SECONDS = 3_600.0
_log = logging.getLogger(__name__)


class BulkReads:
    """Counts by key; whenever another ``MANY`` profiles have been read within an hour, the audit trail says so.

    Reading one by one is counted as reading all at once is. Entries are written beside the requests.
    """

    def __init__(self, record: Callable[[dict[str, Any]], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._record, self._clock = record, clock
        self._read: dict[str, tuple[float, int, int]] = {}  # key → since when, profiles read, profiles on record
        self._lock = threading.Lock()

    def note(self, application: str, profiles: int) -> None:
        """A key has read so many profiles."""
        now = self._clock()
        with self._lock:
            since, read, recorded = self._read.get(application, (now, 0, 0))
            if now - since >= SPAN_SECONDS:
                since, read, recorded = now, 0, 0
            read += profiles
            due = read - recorded >= MANY
            self._read[application] = (since, read, read if due else recorded)
        if due:
            self._record({"key": application, "profiles": read - recorded, "within_the_hour": read})


class Recorder:
    """Writes entries to the audit trail of a ledger, in a thread of its own."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._entries: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="audit", daemon=True)
        self._thread.start()

    def __call__(self, details: dict[str, Any]) -> None:
        self._entries.put(details)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _work(self) -> None:
        while (details := self._entries.get()) is not None:
            try:
                self._write(details)
            except Exception:  # a trail may be damaged in any way; the next entry is tried all the same
                _log.exception("not on the audit trail: %s", details)

    def _write(self, details: dict[str, Any]) -> None:
        if not self._ledger.exists():  # opening it would make another, empty one
            raise FileNotFoundError(self._ledger)
        with closing(Ledger(self._ledger)) as ledger:
            now = datetime.now(UTC).replace(tzinfo=None)
            Audit(ledger, user=f"key {details['key']}", role="read").record("profiles read", details, now)

    def close(self) -> None:
        """Write what is left."""
        self._entries.put(None)
        self._thread.join(timeout=5)
