"""Steps as people follow them: started, finished with a one-line result, or found done already."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from flows.context import Cycle


class Reporter(Protocol):
    """Whoever shows progress: the terminal, or nobody."""

    def started(self, step: str) -> None: ...
    def finished(self, step: str, seconds: float, line: str) -> None: ...
    def skipped(self, step: str, line: str) -> None: ...


class Silent:
    """Shows nothing: the flow runs where nobody watches a terminal."""

    def started(self, step: str) -> None:
        return

    def finished(self, step: str, seconds: float, line: str) -> None:
        return

    def skipped(self, step: str, line: str) -> None:
        return


_reporter: ContextVar[Reporter] = ContextVar("reporter", default=Silent())  # noqa: B039  (Silent has no state)


@contextmanager
def reported_to(reporter: Reporter) -> Iterator[None]:
    token = _reporter.set(reporter)
    try:
        yield
    finally:
        _reporter.reset(token)


def timed(step: str, act: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], float]:
    """Do a step and say so; a step's result is a JSON object whose ``line`` is for people."""
    _reporter.get().started(step)
    began = time.monotonic()
    result = act()
    seconds = time.monotonic() - began
    _reporter.get().finished(step, seconds, result["line"])
    return result, seconds


def once(cycle: Cycle, step: str, act: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """Do a step of a cycle unless the ledger says that it is done; then record it."""
    done = cycle.door.ledger.steps(cycle.id).get(step)
    if done is not None:
        _reporter.get().skipped(step, done.result["line"])
        return done.result
    result, seconds = timed(step, lambda: act(cycle.id))
    cycle.door.ledger.finish_step(cycle.id, step, round(seconds, 3), result)
    return result
