"""Publishing is done again where the profile store that is chosen holds nothing."""

import pandas as pd
import pytest

from flows.context import Cycle, Door
from flows.publish import forget_publication_of_an_empty_store
from tests.small_state import AS_OF


@pytest.fixture
def cycle(door: Door) -> Cycle:
    """The small state's cycle, which has trained, published and packaged."""
    for step in ("train", "publish", "package"):
        door.ledger.finish_step("g1", step, 0.1, {"line": "done"})
    assert door.ledger.cycle("g1") is not None
    return Cycle("g1", pd.Timestamp(AS_OF), door)


def test_a_store_that_holds_profiles_is_left_alone(cycle: Cycle) -> None:
    forget_publication_of_an_empty_store(cycle)

    assert list(cycle.door.ledger.steps("g1")) == ["train", "publish", "package"]


def test_an_empty_store_has_publishing_and_what_follows_done_again(cycle: Cycle) -> None:
    (cycle.door.state.profiles / "current").unlink()

    forget_publication_of_an_empty_store(cycle)

    assert list(cycle.door.ledger.steps("g1")) == ["train"]
