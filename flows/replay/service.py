"""The replay's own service: the Bento as `aimloop serve` starts it, asked over HTTP by a few threads."""

import http.client
import json
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import orjson

from flows import children
from flows.context import Door
from flows.serving import packaged, serve_command, serve_environ
from flows.temporary_server import free_port
from infra import profiles
from infra.api_keys import ApiKeys
from infra.errors import AimloopError
from infra.experiments import Experiments
from models import catalog

HOST = "127.0.0.1"
KEY_NAME = "replay"
THREADS = 4
START_SECONDS, FOLLOW_SECONDS, ANSWER_SECONDS = 120.0, 60.0, 60.0
LOOK_SECONDS = 0.05
TRIES = 3
MOST_ADS = 1_000

Ad = dict[str, str | None]


@dataclass(frozen=True)
class Visit:
    """One customer's visit, under the company's own id, and what was placed there."""

    customer_id: str
    ads: list[Ad] = field(repr=False)


@dataclass(frozen=True)
class Service:
    """A service that is up; ``key`` opens it."""

    port: int
    key: str = field(repr=False)
    process: Any = field(repr=False)
    log: Path = field(repr=False)

    def follow(self, door: Door) -> None:
        """Return when every worker reports the champions, experiments and profiles that the ledger names.

        Raises:
            AimloopError: it does not come to that.
        """
        expected = standing(door)
        workers, told = door.settings.services.workers, None
        seen: set[str] = set()
        deadline = time.monotonic() + FOLLOW_SECONDS
        while len(seen) < workers:
            try:
                told = self._get("/health")
            except OSError:
                self._refuse_dead()
            if told is not None and _agrees(told, expected):
                seen.add(told["worker"])
                continue
            seen.clear()
            if time.monotonic() > deadline:
                raise AimloopError(
                    f"the replay's service does not follow the ledger: {_difference(told, expected)}", f"see {self.log}"
                )
            time.sleep(LOOK_SECONDS)

    def ask(self, visits: Sequence[Visit]) -> list[list[dict[str, Any]]]:
        """What is said of each visit's ads, in order.

        Raises:
            AimloopError: a question was not answered, several times.
        """
        connections: SimpleQueue[http.client.HTTPConnection] = SimpleQueue()
        for _ in range(THREADS):
            connections.put(self._connection())

        def answers(visit: Visit) -> list[dict[str, Any]]:
            connection = connections.get()
            try:
                return self._answers(connection, visit)
            finally:
                connections.put(connection)

        try:
            with ThreadPoolExecutor(THREADS) as pool:
                return list(pool.map(answers, visits))
        finally:
            while not connections.empty():
                connections.get().close()

    def _answers(self, connection: http.client.HTTPConnection, visit: Visit) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for first in range(0, len(visit.ads), MOST_ADS):
            body = orjson.dumps({"customer_id": visit.customer_id, "ads": visit.ads[first : first + MOST_ADS]})
            found += self._asked(connection, "POST", "/ctr", body)["impressions"]
        return found

    def _asked(self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None) -> Any:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        trouble = ""
        for _ in range(TRIES):
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status == 200:
                    return orjson.loads(text)
                trouble = f"{answer.status}, {text[:200].decode(errors='replace')}"
            except (OSError, http.client.HTTPException) as error:
                trouble = f"{type(error).__name__}: {error}"
                connection.close()  # the next request opens it again
                self._refuse_dead()
            time.sleep(LOOK_SECONDS)
        raise AimloopError(f"the replay's service does not answer {path}: {trouble}", f"see {self.log}")

    def _get(self, path: str) -> Any:
        connection = self._connection()
        try:
            headers = {"Authorization": f"Bearer {self.key}"}
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            text = answer.read()
            return orjson.loads(text) if answer.status == 200 else None
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(HOST, self.port, timeout=ANSWER_SECONDS)

    def _refuse_dead(self) -> None:
        if self.process.poll() is not None:
            raise AimloopError("the replay's service has ended", f"see {self.log}")


@contextmanager
def served(door: Door, log: Path) -> Iterator[Service]:
    """The published cycle's Bento on a free port, until the block ends; with a key that is revoked afterwards.

    Raises:
        AimloopError: it does not get ready.
    """
    keys = ApiKeys(door.ledger)
    _revoke_all(keys)  # of a replay that was killed
    issued, token = keys.issue(KEY_NAME, ["score", "read"], _today(), requests_per_second=1e6)
    bento, port = packaged(door), free_port()
    environ = serve_environ(bento, door, os.environ)
    with log.open("w", encoding="utf-8") as out:
        process = children.start(serve_command(bento, HOST, port), out, environ)
    try:
        service = Service(port, token, process, log)
        _wait(service)
        yield service
    finally:
        children.stop(process)
        keys.revoke(issued.id, _today())


def standing(door: Door) -> dict[str, Any]:
    """What services should report: the generation, and by model champion, challenger, share and shadow."""
    running = Experiments(door.ledger).running()
    models = {}
    for name in catalog.MODELS:
        champion, experiment = door.ledger.champion(name), running.get(name)
        if champion is not None:
            models[name] = {
                "champion": champion,
                "challenger": experiment.challenger if experiment else None,
                "challenger_share": experiment.share if experiment and not experiment.is_shadow else 0.0,
                "is_shadow": bool(experiment and experiment.is_shadow),
            }
    return {"generation": profiles.published(door.settings, door.state), "models": models}


def _agrees(told: dict[str, Any], expected: dict[str, Any]) -> bool:
    """A challenger that cannot be loaded is as it should be: the champion answers, and the service says so."""
    if told["profiles"]["generation"] != expected["generation"]:
        return False
    for name, wanted in expected["models"].items():
        said = told["models"].get(name, {})
        is_lost = bool(said.get("trouble")) and said.get("challenger") is None
        parts = ("champion",) if is_lost else tuple(wanted)
        if any(said.get(part) != wanted[part] for part in parts):
            return False
    return True


def _difference(told: dict[str, Any] | None, expected: dict[str, Any]) -> str:
    said = {} if told is None else {"generation": told["profiles"]["generation"], "models": told["models"]}
    return f"it says {json.dumps(said, default=str)}, not {json.dumps(expected, default=str)}"


def _wait(service: Service) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        service._refuse_dead()
        try:
            if service._get("/health") is not None:
                return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise AimloopError(
                f"the replay's service did not get ready within {START_SECONDS:.0f} s", f"see {service.log}"
            )
        time.sleep(LOOK_SECONDS)


def _revoke_all(keys: ApiKeys) -> None:
    for key in keys.all():
        if key.name == KEY_NAME and key.revoked_at is None:
            keys.revoke(key.id, _today())


def _today() -> datetime:
    """Keys are for services, whose clock runs."""
    return datetime.now(UTC).replace(tzinfo=None)
