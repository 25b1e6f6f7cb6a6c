"""How fast the services answer, side by side with what else one might serve the same model with."""

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import httpx

from tests.benchmarks.measure import AIMLOOP, Figure, at_least, at_most, environ, published_state
from tests.benchmarks.serving import prepare, servers
from tests.benchmarks.serving.open_loop import Paced, pace
from tests.benchmarks.serving.saturation import Round, saturate
from tests.benchmarks.serving.servers import Server
from tests.services import free_port, issued_key

T = TypeVar("T")
STARTS = 3
ROUNDS, ROUND_SECONDS, WARM_UP_SECONDS = 4, 8, 5
PACED_ROUNDS, PACED_SECONDS = 3, 15.0


def speed(folder: Path) -> dict[str, Figure]:
    """One row and a hundred: throughput beside the others', latency at half of the saturation rate, start, memory."""
    variables = environ(published_state(folder))
    prepared = servers.prepared(folder / "prepared", variables)
    with issued_key(variables, "benchmark") as key, ExitStack() as up:
        first_answer = statistics.median(seconds_to_first_answer(prepared, variables, key) for _ in range(STARTS))
        ours = up.enter_context(servers.ours(prepared, variables, key))
        others = [
            up.enter_context(servers.bare(prepared, variables, key)),
            up.enter_context(servers.quickstart(prepared, variables)),
            *_mlflow(up, prepared, variables),
        ]
        rounds = in_turn([ours, *others])
        one = paced(ours, rounds["ours"])
        hundred_ads = replace(ours, bodies=prepared / prepare.HUNDRED_ADS)
        hundred = paced(hundred_ads, [saturate(hundred_ads, WARM_UP_SECONDS)])
        worker_mib = ours.worker_mib
    figures = {
        "serving.one_row_p50_ms": Figure(_median(one, lambda each: each.p50_ms), "ms"),
        "serving.one_row_p99_ms": at_most(_median(one, lambda each: each.p99_ms), 5, "ms"),
        "serving.one_row_p999_ms": Figure(_median(one, lambda each: each.p999_ms), "ms"),
        "serving.late_ms": Figure(_median(one, lambda each: each.late_ms), "ms"),
        "serving.hundred_ads_p50_ms": Figure(_median(hundred, lambda each: each.p50_ms), "ms"),
        "serving.hundred_ads_p99_ms": at_most(_median(hundred, lambda each: each.p99_ms), 10, "ms"),
        "serving.first_answer_seconds": at_most(first_answer, 10, "s"),
        "serving.worker_mib": at_most(worker_mib, 400, "MiB"),
    }
    return figures | throughput(rounds)


def throughput(rounds: Mapping[str, Sequence[Round]]) -> dict[str, Figure]:
    """Requests a second of each, and ours over each: the median of what rounds next to each other say."""
    figures = {
        f"serving.{name}_per_second": Figure(_median(found, lambda each: each.per_second), "/s")
        for name, found in rounds.items()
    }
    least = {"bare": 0.6, "mlflow": 20}
    for name in rounds.keys() - {"ours"}:
        pairs = zip(rounds["ours"], rounds[name], strict=True)
        ratio = statistics.median(ours.per_second / other.per_second for ours, other in pairs)
        figure = at_least(ratio, least[name], "×") if name in least else Figure(ratio, "×")
        figures[f"serving.one_row_vs_{name}"] = figure
    return figures


def in_turn(all_: Sequence[Server]) -> dict[str, list[Round]]:
    """Each is warmed up, then they are saturated one after the other in rounds that begin with another each time."""
    for server in all_:
        saturate(server, WARM_UP_SECONDS)
    found: dict[str, list[Round]] = {server.name: [] for server in all_}
    for turn in range(ROUNDS):
        first = turn % len(all_)
        for server in (*all_[first:], *all_[:first]):
            found[server.name].append(saturate(server, ROUND_SECONDS))
    return found


def paced(server: Server, saturated: Sequence[Round]) -> list[Paced]:
    """At half of what it can do."""
    half = _median(saturated, lambda each: each.per_second) / 2
    return [pace(server, half, PACED_SECONDS) for _ in range(PACED_ROUNDS)]


def seconds_to_first_answer(prepared: Path, variables: Mapping[str, str], key: str) -> float:
    """From the start of the command to the first probability, asked for over and over.

    Raises:
        RuntimeError: the command ended.
    """
    port = free_port()
    body = (prepared / prepare.ONE_AD).read_bytes().splitlines()[0]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with (prepared / "start.log").open("wb") as log:
        began = time.monotonic()
        process = subprocess.Popen(
            [AIMLOOP, "serve", "--port", str(port)], env=dict(variables), stdout=log, stderr=subprocess.STDOUT
        )
    try:
        while not _is_answered(f"http://127.0.0.1:{port}/ctr", body, headers):
            if process.poll() is not None:
                raise RuntimeError(f"aimloop serve ended with {process.returncode}")
            time.sleep(0.02)
        return time.monotonic() - began
    finally:
        process.terminate()
        process.wait(timeout=60)


def _is_answered(url: str, body: bytes, headers: Mapping[str, str]) -> bool:
    try:
        return httpx.post(url, content=body, headers=dict(headers), timeout=60).status_code == 200
    except httpx.HTTPError:
        return False


def _mlflow(up: ExitStack, prepared: Path, variables: Mapping[str, str]) -> list[Server]:
    """None where it cannot be installed: then its figure stays what it was."""
    try:
        return [up.enter_context(servers.mlflow(prepared, variables))]
    except subprocess.CalledProcessError as error:
        print(f"  skipped: MLflow's server, {error}")
        return []


def _median(found: Sequence[T], of: Callable[[T], float]) -> float:
    return statistics.median(map(of, found))
