"""Challengers that score along, unheard: beside the requests, and never at their cost."""

import logging
import queue
import threading
from collections.abc import Callable

MOST_WAITING = 1_000
_log = logging.getLogger(__name__)


class Shadow:
    """One thread that does one job after the other; what comes while too many wait is counted as lost."""

    def __init__(self) -> None:
        self.lost = 0
        self._jobs: queue.Queue[tuple[int, Callable[[], None]] | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def submit(self, rows: int, job: Callable[[], None]) -> None:
        """Have ``job`` done, which scores so many rows."""
        try:
            self._jobs.put_nowait((rows, job))
        except queue.Full:
            self.lost += rows

    def _work(self) -> None:
        while (given := self._jobs.get()) is not None:
            rows, job = given
            try:
                job()
            except Exception:  # a challenger that fails has not been heard by anybody
                self.lost += rows
                _log.exception("a challenger could not score in the shadow")

    def close(self, seconds: float = 5) -> None:
        """Finish what waits, as far as ``seconds`` allow."""
        try:
            self._jobs.put(None, timeout=seconds)
        except queue.Full:
            return
        self._thread.join(seconds)
