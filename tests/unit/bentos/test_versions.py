"""Services follow the ledger: who answers before, during and after a change of champion."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pandas as pd
import pytest

from bentos import champions
from bentos.champions import Champions
from infra import registry
from infra.ledger import Ledger
from infra.state import State

NOW = datetime(2018, 1, 1, 12)
NAMES = ("churn", "ctr")


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "state").open()


@pytest.fixture
def ledger(state: State) -> Iterator[Ledger]:
    with closing(Ledger(state.ledger)) as ledger:
        ledger.begin_cycle("c1", NOW, "test", NOW)
        yield ledger


def saved(model: str = "churn") -> str:
    """A version in the store; what is fitted is its own tag."""
    tag = registry.tag_of(model, f"20171204t000000-{uuid4().hex[:8]}")
    registry.save(tag, tag, pd.DataFrame({"orders": [1]}), {})
    return tag


@pytest.fixture
def crown(ledger: Ledger) -> Callable[[str], str]:
    """Make a version champion; the one before is said to be of no use."""

    def crowned(tag: str) -> str:
        assert ledger.register(tag, tag.partition(":")[0], "c1", {"as_of": "2017-12-04"}, {}, NOW, unusable="test")
        return tag

    return crowned


def served(found: Champions, name: str = "churn") -> str | None:
    version = found.get(name)
    assert version is None or version.tag == version.fitted  # never the tag of one and the model of another
    return version.tag if version else None


def spoil(tag: str) -> None:
    import bentoml

    (Path(bentoml.models.get(tag).path) / "fitted.joblib").write_bytes(b"\x80torn")


def test_the_ledgers_champion_answers(state, crown) -> None:
    tag = crown(saved())
    found = Champions(state.ledger, NAMES, {"churn": saved()})
    assert (served(found), served(found, "ctr")) == (tag, None)
    assert found.troubles == {}


def test_without_a_ledger_the_packaged_version_answers(tmp_path) -> None:
    tag = saved()
    assert served(Champions(tmp_path / "none.sqlite", NAMES, {"churn": tag})) == tag


def test_a_new_champion_is_taken_up_at_the_next_look(state, crown) -> None:
    first = crown(saved())
    found = Champions(state.ledger, NAMES, {})
    held = found.get("churn")
    second = crown(saved())
    assert served(found) == first
    found.look()
    assert served(found) == second
    assert held is not None
    assert held.fitted == first  # a request that has begun ends with the version it began with


def test_a_version_that_cannot_be_loaded_leaves_the_one_before_and_is_told(state, crown) -> None:
    first = crown(saved())
    found = Champions(state.ledger, NAMES, {})
    broken = saved()
    spoil(broken)
    crown(broken)
    found.look()
    assert served(found) == first
    assert broken.partition(":")[2] in found.troubles["churn"]
    third = crown(saved())
    found.look()
    assert (served(found), found.troubles) == (third, {})


def test_at_the_start_the_packaged_version_stands_in_for_one_that_cannot_be_loaded(state, crown) -> None:
    broken, packaged = crown(saved()), saved()
    spoil(broken)
    found = Champions(state.ledger, NAMES, {"churn": packaged})
    assert served(found) == packaged
    assert broken.partition(":")[2] in found.troubles["churn"]
    assert served(Champions(state.ledger, NAMES, {})) is None


def test_a_ledger_that_is_gone_changes_nothing(state, crown) -> None:
    tag = crown(saved())
    found = Champions(state.ledger, NAMES, {})
    for file in state.root.glob("ledger.sqlite*"):
        file.unlink()
    found.look()
    assert served(found) == tag


def test_it_looks_by_itself_while_requests_are_answered(state, crown, monkeypatch) -> None:
    monkeypatch.setattr(champions, "EVERY_SECONDS", 0.02)
    crown(saved())
    found = Champions(state.ledger, NAMES, {})
    found.follow()
    stop, seen = threading.Event(), set()

    def ask() -> None:
        while not stop.is_set():
            seen.add(served(found))

    def await_request_answered_by(tag: str) -> None:
        deadline = time.monotonic() + 10
        while tag not in seen:
            assert time.monotonic() < deadline, f"no request was answered by {tag}"
            time.sleep(0.01)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        await_request_answered_by(served(found))
        for _ in range(3):
            await_request_answered_by(crown(saved()))
    finally:
        stop.set()
        asking.join()
    assert None not in seen
    assert len(seen) == 4
