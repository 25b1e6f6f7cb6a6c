"""How long a challenger is put up with: one that fails, or takes too long, is passed over for a while.

A circuit breaker (Nygard, "Release It!", 2007): after some failures in a row it is not asked any more, so that a broken
challenger does not slow down every request; after a while one request tries it again. Each stretch begins with a
failure, which counts for all of it: what it is not asked meanwhile follows from that and is no evidence of its own
(`infra.experiment_evidence`).
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

FAILURES_IN_A_ROW = 3
PASSED_OVER_SECONDS = 30.0
ROWS_AT_ONCE = 1_000  # a request with more of them may take longer in proportion
Failure = Literal["error", "slow", "passed over"]
_log = logging.getLogger(__name__)


@dataclass
class Patience:
    """What is remembered of one challenger in one worker; requests side by side may miscount by one, no more."""

    in_a_row: int = 0
    again_at: float = 0.0

    def attempt(
        self, name: str, do: Callable[[], None], rows: int, most_ms: float, clock: Callable[[], float]
    ) -> Failure | None:
        """Have ``do`` done; returns what went wrong, if anything did. ``clock`` tells seconds."""
        if self.in_a_row >= FAILURES_IN_A_ROW:
            if time.monotonic() < self.again_at:
                return "passed over"
            self.again_at = time.monotonic() + PASSED_OVER_SECONDS  # others do not try at the same time
        began = clock()
        try:
            do()
        except Exception:
            if self.in_a_row < FAILURES_IN_A_ROW:  # once it is known, not at every turn
                _log.exception("%s could not answer; the champion does", name)
            return self._failed("error")
        took_ms = (clock() - began) * 1e3
        if took_ms > most_ms * max(1.0, rows / ROWS_AT_ONCE):
            _log.warning("%s took %.0f ms for %d rows; the champion answers", name, took_ms, rows)
            return self._failed("slow")
        self.in_a_row = 0
        return None

    def _failed(self, what: Failure) -> Failure:
        self.in_a_row += 1
        self.again_at = time.monotonic() + PASSED_OVER_SECONDS
        return what
