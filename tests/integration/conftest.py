"""What tests of alerts need: a door, a receiver, and all that anybody logs."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from flows.context import Door
from tests import small_state
from tests.integration.receivers import Receiver, webhook


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook() as receiver:
        yield receiver


class Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """All that anybody logs: Prefect puts handlers of its own in the place of pytest's."""
    from prefect.logging.configuration import setup_logging

    setup_logging()
    kept = Kept()
    loggers = [logging.getLogger(name) for name in (None, "prefect", "prefect.flow_runs")]
    for logger in loggers:
        logger.addHandler(kept)
    monkeypatch.setattr(loggers[0], "level", logging.DEBUG)
    logging.getLogger("httpx").info("this is kept")
    assert kept.lines == ["this is kept"]
    yield kept.lines
    for logger in loggers:
        logger.removeHandler(kept)


@pytest.fixture
def quiet_door(tmp_path: Path, prefect_server: Mapping[str, str]) -> Door:
    return small_state.open_door(tmp_path / "state")
