"""Each Bento by itself: what is in it, and the exported one in an environment made from its own requirements."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from flows.context import PROJECT
from flows.package import FRONT_DOOR, SERVICES
from infra.state import State
from tests.e2e.conftest import SmallCycle
from tests.e2e.service import served

MODELS = {"segment": "segmentation", "ctr": "ctr", "churn": "churn", "clv": "clv"}
CUSTOMERS = {"customer_ids": ["1", "8", "nobody"]}
ASKED: dict[str, dict[str, Any]] = {
    "/segment": CUSTOMERS,
    "/churn": CUSTOMERS | {"explain": True},
    "/clv": CUSTOMERS,
    "/ctr": {"impressions": [{"customer_id": "1", "product_id": "1029743", "channel": "mailer"}], "explain": True},
}
OF_THE_REQUEST = {"request_id", "prediction_id"}
MOST_RESIDENT = 400 * 2**20

# Imports a service from its Bento's folder alone and loads its champions; tells which modules that took.
ALONE = """
import json, sys
from importlib import import_module
from pathlib import Path
folder, service = sys.argv[1:]
sys.path[:] = [folder, *(path for path in sys.path if not (Path(path) / "flows").is_dir())]
import_module(service.partition(":")[0])
from infra import registry
champions = registry.packaged_champions(Path(folder))
for tag in champions.values():
    registry.load(tag)
files = {name: module.__file__ for name, module in sys.modules.items() if getattr(module, "__file__", None)}
print(json.dumps({"champions": champions, "files": files}))
"""


def bento_of(state: Path, name: str) -> Path:
    (folder,) = (path for path in (state / "bentoml" / "bentos" / name).iterdir() if path.is_dir())
    return folder


def environ_of(state: Path, **more: str) -> dict[str, str]:
    """Of a service that is started without `aimloop`: as the Dockerfile sets it."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("AIMLOOP_", "BENTOML_", "PREFECT_", "PYTHON"))}
    homes = {"AIMLOOP_STATE": str(state), "BENTOML_HOME": str(state / "bentoml")}
    return {**ours, **homes, "BENTOML_DO_NOT_TRACK": "True", **more}


@pytest.mark.parametrize("name", SERVICES)
def test_a_bento_holds_its_model_and_what_it_imports_and_nothing_else(small_cycle: SmallCycle, name: str) -> None:
    folder = bento_of(small_cycle.state, name) / "src"
    service = name.removeprefix(f"{FRONT_DOOR}-")
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE, folder, SERVICES[name]],
        capture_output=True,
        text=True,
        env=environ_of(small_cycle.state),
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    champions = small_cycle.status["champions"]
    assert told["champions"] == {m: champions[m] for m in ([MODELS[service]] if name != FRONT_DOOR else champions)}
    written = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert {path.suffix for path in written} <= {".py", ".json", ".yaml", ".pyc"}  # no template, no SQL
    assert not {"flows", "monitoring", "tests"} & {path.parts[0] for path in written}
    assert not [path for path in written if path.parts[:2] in (("models", "card"), ("infra", "sources"))]
    ours = {path for path in told["files"].values() if path.startswith(str(PROJECT))}
    assert not {path for path in ours if ".venv" not in path}
    pins = (folder.parent / "env" / "python" / "requirements.txt").read_text(encoding="utf-8").split()
    assert all("==" in pin for pin in pins)
    assert not {"lifelines", "matplotlib", "optuna", "prefect", "duckdb"} & {pin.partition("==")[0] for pin in pins}


@pytest.fixture(scope="module")
def exported(small_cycle: SmallCycle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "image"
    done = small_cycle.aimloop("export", str(folder))
    assert done.returncode == 0, done.stderr
    return folder / "bento"


@pytest.fixture(scope="module")
def fresh(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment that holds the Bento's requirements and nothing else."""
    uv, environment = Path(sys.executable).with_name("uv"), tmp_path_factory.mktemp("fresh") / "venv"
    requirements = exported / "env" / "python" / "requirements.txt"
    python = environment / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    install = [uv, "pip", "install", "--quiet", "--python", python, "--requirement", requirements]
    done = subprocess.run(install, capture_output=True, text=True)
    if done.returncode and any(word in done.stderr.lower() for word in ("failed to fetch", "connect", "dns", "timed")):
        pytest.skip(f"no registry can be reached: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return python


@contextmanager
def serving(python: Path, bento: Path, environ: Mapping[str, str]) -> Iterator[tuple[httpx.Client, psutil.Process]]:
    """What the image runs, on a free port, until it is alive."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [python, "-m", "bentoml", "serve", ".", "--host", "127.0.0.1", "--port", str(port)]
    log = bento.parent / f"serve-{port}.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=bento, env=dict(environ), stdout=out, stderr=subprocess.STDOUT)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                deadline = time.monotonic() + 120
                while not is_alive(client):
                    assert process.poll() is None, log.read_text()
                    assert time.monotonic() < deadline, log.read_text()
                    time.sleep(0.1)
                yield client, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(timeout=60)


def is_alive(client: httpx.Client) -> bool:
    try:
        return client.get("/livez").is_success
    except httpx.HTTPError:
        return False


def answers(client: httpx.Client) -> dict[str, Any]:
    """To each request, without what differs between two of the same."""
    told = {path: client.post(path, json=asked).raise_for_status().json() for path, asked in ASKED.items()}
    return dict(json.loads(json.dumps(told), object_hook=lambda d: {k: d[k] for k in d if k not in OF_THE_REQUEST}))


def test_an_exported_bento_answers_as_the_project_does(
    small_cycle: SmallCycle, service: httpx.Client, exported: Path, fresh: Path, tmp_path: Path
) -> None:
    state = Path(shutil.copytree(small_cycle.state, tmp_path / "state"))
    shutil.rmtree(state / "bentoml")  # its own models are in it
    with serving(fresh, exported, environ_of(state)) as (client, process):
        client.headers["Authorization"] = service.headers["Authorization"]
        assert answers(client) == answers(service)
        (worker,) = process.children()
        assert worker.memory_info().rss <= MOST_RESIDENT
    assert "Traceback" not in "".join(log.read_text() for log in exported.parent.glob("serve-*.log"))


def test_without_a_state_folder_it_is_alive_and_says_what_it_lacks(exported: Path, fresh: Path, tmp_path: Path) -> None:
    """As on an empty volume, where BentoML makes its home first."""
    state = tmp_path / "state"
    with serving(fresh, exported, environ_of(state, AIMLOOP_SERVICES__API_KEYS="off")) as (client, _):
        assert client.post("/ctr", json=ASKED["/ctr"]).status_code == 503
        assert client.get("/livez").status_code == 200
    assert (state / "bentoml").is_dir()
    assert State(state).open()


def test_an_exported_model_has_no_rows_of_people(exported: Path) -> None:
    assert not list(exported.rglob("*.parquet"))
    code = "import sys; from pathlib import Path; from infra import registry\n"
    code += (
        "print(sum(len(registry.load_folder(f.parent).reference) for f in Path(sys.argv[1]).rglob('fitted.joblib')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, exported], capture_output=True, text=True, env=environ_of(exported.parent)
    )
    assert done.stdout.strip() == "0", done.stderr


def test_an_export_never_writes_over_anything(small_cycle: SmallCycle, exported: Path) -> None:
    done = small_cycle.aimloop("export", str(exported))
    assert (done.returncode, "is there already" in done.stderr) == (2, True)


def test_one_service_is_served_alone_by_several_workers(small_cycle: SmallCycle) -> None:
    with served(small_cycle.aimloop, "--service", "churn", "--workers", "2") as client:
        assert client.post("/churn", json=CUSTOMERS).status_code == 200
        assert client.post("/segment", json=CUSTOMERS).status_code in (403, 404)


def test_without_keys_the_network_is_not_listened_to(small_cycle: SmallCycle) -> None:
    done = small_cycle.aimloop("serve", "--without-keys", "--host", "0.0.0.0")
    assert (done.returncode, "without keys, 0.0.0.0 is not listened on" in done.stderr) == (2, True)
