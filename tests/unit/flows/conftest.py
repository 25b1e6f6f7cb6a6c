"""A small state folder for each test, copied from one that is built once."""

import shutil
from pathlib import Path

import pytest

from flows.context import Door
from tests import small_state


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_state.build(tmp_path_factory.mktemp("small") / "state").state.root


@pytest.fixture
def door(small: Path, tmp_path: Path) -> Door:
    return small_state.open_door(Path(shutil.copytree(small, tmp_path / "state")))
