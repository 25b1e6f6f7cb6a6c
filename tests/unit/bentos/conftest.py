"""A door with toy endpoints behind which nothing of a state folder is needed but its ledger."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from typing_extensions import TypedDict

from bentos import gate
from bentos.counting import Counts
from bentos.door import Door
from bentos.endpoint import Asked, Endpoint, Refusal
from bentos.gate import Gate
from infra.api_keys import ApiKeys
from infra.errors import AimloopError
from infra.ledger import Ledger
from infra.profiles import GenerationGone
from infra.sections import Services
from infra.settings import Settings
from infra.state import State


class Question(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str = ""
    number: int = 0


class Echo(TypedDict):
    text: str
    request_id: str
    application: str


def echo(live: Any, question: Question, asked: Asked) -> dict[str, Any]:
    """Says what came through."""
    if question.text == "refuse":
        raise Refusal(404, "there is none", "ask for another")
    if question.text == "fail":
        raise ZeroDivisionError("a secret of ours")
    if question.text == "gone" and not live.refreshed:
        raise GenerationGone("kept no longer", "open anew")
    if question.text == "trouble":
        raise AimloopError("Redis is away", "start it")
    return {"text": question.text, "request_id": asked.request_id, "application": asked.application}


def _endpoint(path: str, role: Any, quick: bool = True) -> Endpoint:
    shapes = TypeAdapter(Echo), echo, TypeAdapter(Question)
    return Endpoint("POST", path, role, *shapes, is_quick=lambda _: quick)


ENDPOINTS = (
    _endpoint("/ctr", "score"),
    _endpoint("/slow", "score", quick=False),
    _endpoint("/new", "admin"),
    Endpoint("GET", "/metrics", "read", TypeAdapter(bytes), lambda *_: b"counted 1\n"),
)


@dataclass
class FakeLive:
    """What the door itself asks of a worker."""

    settings: Settings
    counts: Counts = field(default_factory=Counts)
    is_alive: bool = True
    unreadable: str | None = None
    refreshed: int = 0
    versions: Any = field(default_factory=lambda: SimpleNamespace(routes={}, troubles={}))

    def refresh(self, anew: bool = False) -> None:
        self.refreshed += anew


@pytest.fixture
def state(tmp_path) -> State:
    return State(tmp_path / "state").open()


@pytest.fixture
def keys(state: State) -> Iterator[ApiKeys]:
    with closing(Ledger(state.ledger)) as ledger:
        yield ApiKeys(ledger)


@pytest.fixture
def door(state: State, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TestClient]:
    """A client of the toy endpoints, with other settings where they are given."""

    def opened(client: tuple[str, int] = ("127.0.0.1", 1), live: Any = None, **services: Any) -> TestClient:
        monkeypatch.setattr(gate, "KEYS_KNOWN_AFTER", 0.0)
        settings = Settings(state=state.root, services=Services(**services))
        behind = Starlette(routes=[Route("/static_content/a.js", lambda _: PlainTextResponse("script"))])
        opened = Door(behind, ENDPOINTS, live or FakeLive(settings), Gate(settings, state))
        return TestClient(opened, client=client, raise_server_exceptions=False)

    return opened


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def refused(answer: Any) -> tuple[int, str]:
    """Status and error of a refusal, which always has the same shape."""
    told = answer.json()
    assert set(told) == {"error", "remedy", "request_id"}
    assert told["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, told["error"]
