"""What most tests of the ground need: a state folder of its own, two known keys, a look into the raw zone."""

from pathlib import Path
from typing import Any

import pytest
from landing_examples import InZone

from infra.keys import Keys
from infra.raw_zone import open_raw_zone
from infra.state import State


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "state").open()


@pytest.fixture
def keys() -> Keys:
    return Keys(storage="a storage key", pseudonym=b"a pseudonym key")


@pytest.fixture
def in_zone(state: State, keys: Keys) -> InZone:
    """Rows of a query of the raw zone."""

    def query(sql: str) -> list[tuple[Any, ...]]:
        with open_raw_zone(state, keys) as connection:
            return connection.execute(sql).fetchall()

    return query
