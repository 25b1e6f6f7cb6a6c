"""Profiles in Redis: services answer as they do from the file, say so when Redis is away, and go on when it is back."""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import NamedTuple
from urllib.parse import quote

import httpx
import pytest

from bentos.live import LOOK_SECONDS
from tests.conftest import PLANTED_ID, Aimloop
from tests.e2e.conftest import AS_OF, SmallCycle
from tests.e2e.service import served
from tests.integration.servers import PASSWORD, redis_server

ASKED = {
    "/segment": {"customer_ids": [str(PLANTED_ID), "nobody"]},
    "/churn": {"customer_id": str(PLANTED_ID)},
    "/clv": {"customer_id": str(PLANTED_ID)},
    "/profile": {"customer_ids": [str(PLANTED_ID), "nobody"]},
    "/ctr": {"customer_id": str(PLANTED_ID), "ads": [{"product_id": "1029743"}, {"product_id": "nothing"}]},
}


class Redis(NamedTuple):
    """A server, until ``ends`` is closed."""

    ends: ExitStack
    port: int


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with ExitStack() as stack:
        yield Redis(stack, stack.enter_context(redis_server()))


@pytest.fixture(scope="module")
def in_redis(
    small_cycle: SmallCycle, redis: Redis, prefect_server: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Aimloop:
    """A copy of the small cycle whose profiles `aimloop run` has put into Redis, and that has none in a file."""
    state = tmp_path_factory.mktemp("redis") / "state"
    shutil.copytree(small_cycle.state, state, symlinks=True)
    url = f"redis://:{quote(PASSWORD, safe='')}@127.0.0.1:{redis.port}/0"
    folder = small_cycle.aimloop.environ["AIMLOOP_SOURCE_FOLDER"]
    aimloop = Aimloop(state, source_folder=folder, services__profile_store="redis", services__redis_url=url)
    done = aimloop("run", "--as-of", AS_OF, **prefect_server)
    assert done.returncode == 0, done.stderr
    for file in state.glob("epochs/*/profiles/*.sqlite"):
        file.unlink()
    return aimloop


def said(client: httpx.Client) -> dict[str, list[dict]]:
    """What is said of each customer or ad, without the names of predictions."""
    answers = {path: client.post(path, json=body).raise_for_status().json() for path, body in ASKED.items()}
    rows = {path: answer.get("customers") or answer["impressions"] for path, answer in answers.items()}
    return {path: [{k: v for k, v in row.items() if k != "prediction_id"} for row in rows[path]] for path in rows}


def test_services_answer_from_redis_as_from_the_file_and_outlive_its_absence(
    small_cycle: SmallCycle, service: httpx.Client, redis: Redis, in_redis: Aimloop
) -> None:
    with served(in_redis) as client:
        assert said(client) == said(service)
        redis.ends.close()
        time.sleep(3 * LOOK_SECONDS)
        away = client.post("/churn", json=ASKED["/churn"])
        assert (away.status_code, away.json().keys()) == (503, {"error", "remedy", "request_id"})
        assert PASSWORD not in away.text
        assert client.get("/readyz").status_code == 503
        assert client.get("/livez").status_code == 200
        assert client.get("/health").json()["profiles"]["trouble"]
    assert PASSWORD not in (in_redis.state / "serve.log").read_text(encoding="utf-8")
