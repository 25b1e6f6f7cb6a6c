"""One small cycle over a slice of the real data, run once by command, then looked at from all sides."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Aimloop
from tests.e2e.service import served

AS_OF = "2017-10-30"  # a Monday: the next cycle's marts hold a snapshot at this very instant


@dataclass(frozen=True)
class SmallCycle:
    aimloop: Aimloop
    status: dict[str, Any]
    stderr: str

    @property
    def state(self) -> Path:
        return self.aimloop.state


@pytest.fixture(scope="session")
def small_cycle(slice_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallCycle:
    """`aimloop run`, with a Prefect server of its own, so that its database lies in the state folder."""
    aimloop = Aimloop(tmp_path_factory.mktemp("small") / "state", source_folder=slice_folder)
    done = aimloop("run", "--json", "--as-of", AS_OF)
    assert done.returncode == 0, done.stderr
    return SmallCycle(aimloop, json.loads(done.stdout), done.stderr)


@pytest.fixture(scope="session")
def service(small_cycle: SmallCycle) -> Iterator[httpx.Client]:
    """The small cycle's Bento behind HTTP, as `aimloop serve` starts it."""
    with served(small_cycle.aimloop) as client:
        yield client
