"""What most tests of the ground need: a state folder of its own and two known keys."""

from pathlib import Path

import pytest

from infra.keys import Keys
from infra.state import State


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "state").open()


@pytest.fixture
def keys() -> Keys:
    return Keys(storage="a storage key", pseudonym=b"a pseudonym key")
