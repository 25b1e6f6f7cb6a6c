"""The door: what is answered, what is refused in which words, and what an attacker gets for trying."""

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bentos import door as door_module
from infra.settings import Settings
from tests.unit.bentos.conftest import FakeLive, refused


@pytest.fixture
def client(door):
    return door(api_keys="off")


@pytest.mark.parametrize("path", ["/ctr", "/slow"])
def test_quick_and_slow_requests_are_answered_alike(client, path) -> None:
    answer = client.post(path, json={"text": "hello"}, headers={"X-Request-Id": "order-17"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"text": "hello", "request_id": "order-17", "application": "none"}


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"", 400, "the body is no JSON: Invalid JSON: EOF while parsing a value at line 1 column 0"),
        (b"{", 400, "the body is no JSON: Invalid JSON: EOF while parsing an object at line 1 column 1"),
        (b"\xff\xfe", 400, "the body is no JSON: Invalid JSON: expected value at line 1 column 1"),
        (b"[" * 100_000, 400, "the body is no JSON: Invalid JSON: recursion limit exceeded at line 1 column 202"),
        (b"[]", 422, "the body: Input should be an object"),
        (b"null", 422, "the body: Input should be an object"),
        (b'{"text": 1}', 422, "text: Input should be a valid string"),
        (b'{"number": NaN}', 422, "number: Input should be a finite number"),
        (b'{"number": 1e400}', 422, "number: Input should be a finite number"),
        (b'{"number": "x"}', 422, "number: Input should be a valid integer, unable to parse string as an integer"),
        (b'{"numbr": 1, "tex": 2}', 422, "numbr: Extra inputs are not permitted; tex: Extra inputs are not permitted"),
    ],
)
def test_a_request_that_does_not_fit_is_told_where(client, body, status, error) -> None:
    assert refused(client.post("/ctr", content=body)) == (status, error)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("refuse", (404, "there is none")),
        ("trouble", (503, "this cannot be answered now")),
        ("fail", (500, "something went wrong here")),
    ],
)
@pytest.mark.parametrize("path", ["/ctr", "/slow"])
def test_what_goes_wrong_is_told_in_the_same_words_and_keeps_our_secrets(client, path, text, told) -> None:
    answer = client.post(path, json={"text": text})
    assert refused(answer) == told
    assert "secret" not in answer.text


@pytest.mark.parametrize("path", ["/ctr", "/slow"])
def test_a_request_whose_profiles_are_gone_begins_again_with_those_that_are_there(door, state, path) -> None:
    live = live_of(state)
    answer = door(api_keys="off", live=live).post(path, json={"text": "gone"})
    assert (answer.status_code, live.refreshed) == (200, 1)


@pytest.mark.parametrize(("method", "path"), [("GET", "/ctr"), ("DELETE", "/ctr"), ("POST", "/livez"), ("PUT", "/")])
def test_another_method_is_told_which_one(client, method, path) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == ("POST" if path == "/ctr" else "GET")


def test_requests_are_counted_by_endpoint_and_status(door, state) -> None:
    live = FakeLive(Settings(state=state.root, services={"api_keys": "off"}))
    client = door(api_keys="off", live=live)
    for text in ("hello", "hello", "fail"):
        client.post("/ctr", json={"text": text})
    client.get("/nowhere/7")
    counted = {
        (sample.labels["endpoint"], sample.labels["status"]): sample.value
        for family in text_string_to_metric_families(live.counts.text().decode())
        for sample in family.samples
        if sample.name == "aimloop_requests_total"
    }
    assert counted == {("/ctr", "200"): 2, ("/ctr", "500"): 1, ("other", "404"): 1}


def test_too_many_long_requests_at_once_are_told_to_come_again(door, monkeypatch) -> None:
    monkeypatch.setattr(door_module, "MOST_WAITING", 0)
    answer = door(api_keys="off").post("/slow", json={})
    assert refused(answer) == (503, "too many long requests at once")
    assert answer.headers["retry-after"] == "1"
    assert door(api_keys="off").post("/ctr", json={}).status_code == 200


def test_a_body_that_does_not_come_is_not_waited_for(door, monkeypatch) -> None:
    monkeypatch.setattr(door_module, "BODY_SECONDS", 0.05)
    app = door(api_keys="off").app

    async def ask() -> list[dict]:
        sent: list[dict] = []

        async def receive() -> dict:
            await asyncio.sleep(10)
            return {}

        async def send(message: dict) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/ctr", "headers": [], "client": ("127.0.0.1", 1)}
        await app(scope, receive, send)
        return sent

    assert asyncio.run(ask())[0]["status"] == 408


# ── probes ────────────────────────────────────────────────────────────────────────────────────


def live_of(state, **facts) -> FakeLive:
    return FakeLive(Settings(state=state.root, services={"api_keys": "off"}), **facts)


def test_alive_while_the_threads_beside_the_requests_go_on(door, state) -> None:
    assert door(live=live_of(state)).get("/livez").json() == {"status": "ok"}
    dead = door(live=live_of(state, is_alive=False)).get("/livez")
    assert (dead.status_code, dead.json()["reason"]) == (503, "a thread has ended")


def test_ready_only_while_requests_could_be_answered(door, state) -> None:
    assert door(api_keys="off", live=live_of(state)).get("/readyz").status_code == 200
    waiting = door(api_keys="off", live=live_of(state, unreadable="Redis is away")).get("/readyz")
    assert (waiting.status_code, waiting.json()["reason"]) == (503, "Redis is away")
    state.ledger.mkdir()
    locked = door(live=live_of(state)).get("/readyz")
    assert (locked.status_code, locked.json()["reason"]) == (503, "keys cannot be read")
