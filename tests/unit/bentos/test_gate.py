"""The gate before the services: who comes in, how often, with how much; and what everybody else is told."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from bentos import gate
from bentos.gate import OPEN, Bucket, Gate
from infra.api_keys import ApiKeys
from infra.ledger import Ledger
from infra.state import State


async def echo(request: Request) -> JSONResponse:
    """Says what came through."""
    state = request.scope["state"]
    return JSONResponse({"bytes": len(await request.body()), "id": state["request_id"], "key": state.get("key")})


@pytest.fixture
def state(tmp_path) -> State:
    return State(tmp_path / "state").open()


@pytest.fixture
def keys(state: State) -> Iterator[ApiKeys]:
    with closing(Ledger(state.ledger)) as ledger:
        yield ApiKeys(ledger)


@pytest.fixture
def door(state: State, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TestClient]:
    """A service behind the gate, with other settings where they are given."""

    def opened(client: tuple[str, int] = ("127.0.0.1", 1), **settings: object) -> TestClient:
        monkeypatch.setenv("AIMLOOP_STATE", str(state.root))
        monkeypatch.setattr(gate, "KEYS_KNOWN_AFTER", 0.0)
        for name, value in settings.items():
            monkeypatch.setenv(f"AIMLOOP_SERVICES__{name.upper()}", str(value))
        paths = [*OPEN, "/ctr", "/metrics", "/static_content/a.js", "/new"]
        inside = Starlette(routes=[Route(path, echo, methods=["GET", "POST"]) for path in paths])
        return TestClient(Gate(inside), client=client)

    return opened


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def refused(answer: httpx.Response) -> tuple[int, str]:
    told = answer.json()
    assert set(told) == {"error", "remedy", "request_id"}
    assert told["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, told["error"]


# ── keys ──────────────────────────────────────────────────────────────────────────────────────


def test_with_a_key_of_the_role_one_is_let_in_under_the_keys_name(door, keys) -> None:
    key, token = keys.issue("shop", ["score"], now())
    answer = door().post("/ctr", headers=bearer(token), content=b"12345")
    assert answer.status_code == 200
    assert (answer.json()["bytes"], answer.json()["key"]) == (5, key.id)


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, "a key is needed"),
        ({"Authorization": "Bearer "}, "a key is needed"),
        ({"Authorization": "Basic abc"}, "a key is needed"),
        ({"Authorization": "Bearer aim_00000000_" + "A" * 43}, "unknown key"),
        ({"Authorization": "Bearer ' OR 1=1 --"}, "unknown key"),
        ({"Authorization": "Bearer " + "A" * 5_000}, "unknown key"),
    ],
)
def test_without_one_nothing_is_answered(door, keys, headers, error) -> None:
    keys.issue("shop", ["score"], now())
    answer = door().post("/ctr", headers=headers)
    assert refused(answer) == (401, error)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_key_is_refused_once_it_is_revoked_or_expired(door, keys) -> None:
    client = door()
    key, token = keys.issue("shop", ["score"], now())
    _, old = keys.issue("old", ["score"], now() - timedelta(days=9), expires_at=now() - timedelta(days=1))
    assert client.post("/ctr", headers=bearer(token)).status_code == 200
    assert refused(client.post("/ctr", headers=bearer(old))) == (401, "this key is expired")
    keys.revoke(key.id, now())
    assert refused(client.post("/ctr", headers=bearer(token))) == (401, "this key is revoked")


def test_a_key_that_is_issued_while_the_service_runs_is_known_at_once(door, keys) -> None:
    client = door()
    assert client.post("/ctr").status_code == 401
    _, token = keys.issue("late", ["score"], now())
    assert client.post("/ctr", headers=bearer(token)).status_code == 200


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("score", "/ctr", 200),
        ("score", "/metrics", 403),
        ("read", "/metrics", 200),
        ("read", "/ctr", 403),
        ("score", "/new", 403),  # an endpoint that nobody has given a lesser role
        ("admin", "/new", 200),
        ("admin", "/ctr", 200),
        ("score", "/ctr/../new", 403),
        ("score", "/ctr/", 403),
    ],
)
def test_each_endpoint_asks_for_its_role(door, keys, role, path, status) -> None:
    _, token = keys.issue("someone", [role], now())
    assert door().post(path, headers=bearer(token)).status_code == status


@pytest.mark.parametrize("path", [*OPEN, "/static_content/a.js"])
def test_documentation_and_probes_need_no_key(door, path) -> None:
    assert door().get(path).status_code == 200


def test_off_answers_this_machine_alone(door) -> None:
    assert door(api_keys="off").post("/ctr").status_code == 200
    assert door(api_keys="off", client=("::1", 1)).post("/ctr").status_code == 200
    answer = door(api_keys="off", client=("192.0.2.7", 1)).post("/ctr")
    assert refused(answer) == (403, "without keys, this machine alone is answered")


def test_keys_that_cannot_be_read_close_the_door_and_known_ones_stay(door, keys, state) -> None:
    client = door()
    _, token = keys.issue("shop", ["score"], now())
    assert client.post("/ctr", headers=bearer(token)).status_code == 200
    keys.issue("another", ["score"], now())  # there is something new to read, and it cannot be
    state.ledger.rename(state.root / "elsewhere")
    state.ledger.mkdir()
    assert client.post("/ctr", headers=bearer(token)).status_code == 200
    status, error = refused(door().post("/ctr", headers=bearer(token)))
    assert (status, error) == (503, "keys cannot be read")


# ── how often, how much ───────────────────────────────────────────────────────────────────────


def test_more_than_a_key_may_is_told_when_to_come_again(door, keys) -> None:
    _, slow = keys.issue("slow", ["score"], now(), requests_per_second=2)
    _, other = keys.issue("other", ["score"], now())
    client = door()
    answers = [client.post("/ctr", headers=bearer(slow)) for _ in range(4)]
    assert [answer.status_code for answer in answers[:2]] == [200, 200]
    last = answers[-1]
    assert refused(last) == (429, "more than 2 requests a second with this key")
    assert int(last.headers["retry-after"]) == 1
    assert client.post("/ctr", headers=bearer(other)).status_code == 200


@given(st.floats(0.1, 1e3), st.lists(st.floats(0, 2), max_size=60))
def test_a_bucket_never_lets_through_more_than_its_rate(per_second: float, pauses: list[float]) -> None:
    bucket, now, let_through = Bucket(per_second, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        wait = bucket.wait(now)
        assert wait >= 0
        let_through += wait == 0
    assert let_through <= max(per_second, 1) + per_second * now + 1e-6


def test_after_the_wait_there_is_a_drop() -> None:
    bucket = Bucket(0.5, 0.0)
    assert bucket.wait(0.0) == 0
    assert bucket.wait(0.0) == pytest.approx(2.0)
    assert bucket.wait(2.0) == 0


@pytest.mark.parametrize("length", [1_024, 1_025, 50_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_long_is_refused_whether_it_says_so_or_not(door, length, chunked) -> None:
    client = door(api_keys="off", request_bytes=1_024)
    parts = (b"x" * (length // 5), b"x" * (length - length // 5))
    answer = client.post("/ctr", content=iter(parts) if chunked else b"".join(parts))
    if length <= 1_024:
        assert answer.json()["bytes"] == length
    else:
        assert refused(answer) == (413, "the body is longer than 1,024 bytes")


# ── request ids ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("given_id", ["order-17", "a" * 64, "4f.5_6-7"])
def test_a_request_keeps_the_id_it_comes_with(door, given_id) -> None:
    answer = door(api_keys="off").post("/ctr", headers={"X-Request-Id": given_id})
    assert answer.headers["x-request-id"] == answer.json()["id"] == given_id


@pytest.mark.parametrize("given_id", ["", "a" * 65, "a b", "<script>", 'a"b', "ä".encode().decode("latin-1")])
def test_an_id_that_does_not_fit_is_replaced(door, given_id) -> None:
    answer = door(api_keys="off").post("/ctr", headers={"X-Request-Id": given_id.encode("latin-1")})
    assert len(answer.json()["id"]) == 32
    assert answer.headers["x-request-id"] == answer.json()["id"]
