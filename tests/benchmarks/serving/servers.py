"""The four servers, each as its makers start it, with one worker."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.benchmarks.measure import AIMLOOP
from tests.benchmarks.serving import prepare
from tests.services import free_port, started

PROJECT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Server:
    """A server that is up: where it is asked for one row, and a file of bodies to ask, one a line."""

    name: str
    url: str
    bodies: Path
    pid: int
    authorization: str | None = None

    @property
    def worker_mib(self) -> float:
        """Resident memory of the process that answers: the largest of those that the first one started."""
        first = psutil.Process(self.pid)
        return float(max(each.memory_info().rss for each in first.children(recursive=True) or [first]) / 2**20)


def prepared(folder: Path, environ: Mapping[str, str]) -> Path:
    """The folder, with all that servers are asked, and the state folder fit to be served (`prepare`).

    Raises:
        CalledProcessError: there is no cycle in the state folder.
    """
    prepare_it = [sys.executable, "-m", "tests.benchmarks.serving.prepare", str(folder)]
    subprocess.run(prepare_it, env=dict(environ), cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
    return folder


@contextmanager
def ours(prepared: Path, environ: Mapping[str, str], key: str) -> Iterator[Server]:
    """`aimloop serve` with everything on."""
    port = free_port()
    command = [AIMLOOP, "serve", "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with started(command, environ, f"{url}/readyz", prepared / "ours.log") as process:
        yield Server("ours", f"{url}/ctr", prepared / prepare.ONE_AD, process.pid, f"Bearer {key}")


@contextmanager
def bare(prepared: Path, environ: Mapping[str, str], key: str) -> Iterator[Server]:
    """`bare`, by uvicorn with what it finds installed: uvloop and httptools."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "tests.benchmarks.serving.bare:app", "--factory", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning"]
    told = environ | {"BARE_LOG": str(prepared / "bare"), "BENTOML_HOME": f"{environ['AIMLOOP_STATE']}/bentoml"}
    url = f"http://127.0.0.1:{port}"
    with started(command, told, f"{url}/readyz", prepared / "bare.log", PROJECT) as process:
        yield Server("bare", f"{url}/ctr", prepared / prepare.ONE_AD, process.pid, f"Bearer {key}")


@contextmanager
def quickstart(prepared: Path, environ: Mapping[str, str]) -> Iterator[Server]:
    """`bentoml serve` of ``quickstart``, defaults but for the port."""
    port = free_port()
    service = "tests.benchmarks.serving.quickstart:Quickstart"
    command = [sys.executable, "-m", "bentoml", "serve", service, "--host", "127.0.0.1", "--port", str(port)]
    told = environ | {"BENCH_PREPARED": str(prepared), "BENTOML_HOME": str(prepared / "bentoml")}
    url = f"http://127.0.0.1:{port}"
    with started(command, told, f"{url}/readyz", prepared / "quickstart.log", PROJECT) as process:
        yield Server("quickstart", f"{url}/click_probability", prepared / prepare.ROWS, process.pid)


@contextmanager
def mlflow(prepared: Path, environ: Mapping[str, str]) -> Iterator[Server]:
    """`mlflow models serve`, in an environment of its own.

    Raises:
        CalledProcessError: it cannot be installed.
    """
    folder = prepared / "mlflow"
    python = _with_mlflow(folder / "environment")
    told = environ | {"PYTHONPATH": str(PROJECT), "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}
    model = folder / "model"
    save = [python, "-m", "tests.benchmarks.serving.mlflow_model", prepared, model]
    subprocess.run(save, env=told, cwd=PROJECT, check=True, capture_output=True)
    port = free_port()
    command = [str(python.with_name("mlflow")), "models", "serve", "-m", str(model), "-p", str(port)]
    command += ["--env-manager", "local", "--workers", "1"]
    told |= {"PATH": f"{python.parent}:{environ['PATH']}"}  # it starts what it finds there
    url = f"http://127.0.0.1:{port}"
    with started(command, told, f"{url}/ping", prepared / "mlflow.log", PROJECT) as process:
        yield Server("mlflow", f"{url}/invocations", prepared / prepare.FRAMES, process.pid)


def _with_mlflow(folder: Path) -> Path:
    """The Python of a fresh environment: our requirements as they are locked, then MLflow beside them."""
    uv, python = str(Path(sys.executable).with_name("uv")), folder / "bin" / "python"
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
        [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(python), str(PROJECT / "requirements.lock")],
        [uv, "pip", "install", "--quiet", "--python", str(python), "mlflow"],
    ):
        subprocess.run(command, check=True)
    return python
