"""The gate before the services: who comes in, how often, with how much; and what everybody else is told."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentos.gate import Bucket
from tests.unit.bentos.conftest import bearer, now, refused

# ── keys ──────────────────────────────────────────────────────────────────────────────────────


def test_with_a_key_of_the_role_one_is_let_in_under_the_keys_name(door, keys) -> None:
    key, token = keys.issue("shop", ["score"], now())
    answer = door().post("/ctr", headers=bearer(token), json={"text": "hello"})
    assert answer.status_code == 200
    assert (answer.json()["text"], answer.json()["application"]) == ("hello", key.id)


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
    answer = door().post("/ctr", headers=headers, json={})
    assert refused(answer) == (401, error)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_key_is_refused_once_it_is_revoked_or_expired(door, keys) -> None:
    client = door()
    key, token = keys.issue("shop", ["score"], now())
    _, old = keys.issue("old", ["score"], now() - timedelta(days=9), expires_at=now() - timedelta(days=1))
    assert client.post("/ctr", headers=bearer(token), json={}).status_code == 200
    assert refused(client.post("/ctr", headers=bearer(old), json={})) == (401, "this key is expired")
    keys.revoke(key.id, now())
    assert refused(client.post("/ctr", headers=bearer(token), json={})) == (401, "this key is revoked")


def test_a_key_that_is_issued_while_the_service_runs_is_known_at_once(door, keys) -> None:
    client = door()
    assert client.post("/ctr", json={}).status_code == 401
    _, token = keys.issue("late", ["score"], now())
    assert client.post("/ctr", headers=bearer(token), json={}).status_code == 200


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("score", "/ctr", 200),
        ("score", "/new", 403),
        ("admin", "/new", 200),
        ("admin", "/ctr", 200),
        ("read", "/ctr", 403),
        ("score", "/ctr/../new", 403),
        ("score", "/ctr/", 404),
        ("admin", "/nowhere", 404),
    ],
)
def test_each_endpoint_asks_for_its_role(door, keys, role, path, status) -> None:
    _, token = keys.issue("someone", [role], now())
    assert door().post(path, headers=bearer(token), json={}).status_code == status


@pytest.mark.parametrize(("role", "status"), [("score", 403), ("read", 200), ("admin", 200)])
def test_what_has_been_counted_is_for_those_who_read(door, keys, role, status) -> None:
    _, token = keys.issue("someone", [role], now())
    assert door().get("/metrics", headers=bearer(token)).status_code == status


@pytest.mark.parametrize("path", ["/", "/docs.json", "/livez", "/healthz", "/readyz", "/static_content/a.js"])
def test_documentation_and_probes_need_no_key(door, keys, path) -> None:
    assert door().get(path).status_code == 200


def test_nothing_else_of_what_lies_behind_is_reached(door) -> None:
    assert door().get("/static_content/../schema.json").status_code == 404
    assert door().get("/schema.json").status_code == 404


def test_off_answers_this_machine_alone(door) -> None:
    assert door(api_keys="off").post("/ctr", json={}).status_code == 200
    assert door(api_keys="off", client=("::1", 1)).post("/ctr", json={}).status_code == 200
    answer = door(api_keys="off", client=("192.0.2.7", 1)).post("/ctr", json={})
    assert refused(answer) == (403, "without keys, this machine alone is answered")


def test_keys_that_cannot_be_read_close_the_door_and_known_ones_stay(door, keys, state) -> None:
    client = door()
    _, token = keys.issue("shop", ["score"], now())
    assert client.post("/ctr", headers=bearer(token), json={}).status_code == 200
    keys.issue("another", ["score"], now())  # there is something new to read, and it cannot be
    state.ledger.rename(state.root / "elsewhere")
    state.ledger.mkdir()
    assert client.post("/ctr", headers=bearer(token), json={}).status_code == 200
    status, error = refused(door().post("/ctr", headers=bearer(token), json={}))
    assert (status, error) == (503, "keys cannot be read")


# ── how often, how much ───────────────────────────────────────────────────────────────────────


def test_more_than_a_key_may_is_told_when_to_come_again(door, keys) -> None:
    _, slow = keys.issue("slow", ["score"], now(), requests_per_second=2)
    _, other = keys.issue("other", ["score"], now())
    client = door()
    answers = [client.post("/ctr", headers=bearer(slow), json={}) for _ in range(4)]
    assert [answer.status_code for answer in answers[:2]] == [200, 200]
    last = answers[-1]
    assert refused(last) == (429, "more than 2 requests a second with this key")
    assert int(last.headers["retry-after"]) == 1
    assert client.post("/ctr", headers=bearer(other), json={}).status_code == 200


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
    text = "x" * (length - len('{"text":""}'))
    whole = f'{{"text":"{text}"}}'.encode()
    parts = (whole[: length // 5], whole[length // 5 :])
    answer = client.post("/ctr", content=iter(parts) if chunked else whole)
    if length <= 1_024:
        assert answer.json()["text"] == text
    else:
        assert refused(answer) == (413, "the body is longer than 1,024 bytes")


# ── request ids ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("given_id", ["order-17", "a" * 64, "4f.5_6-7"])
def test_a_request_keeps_the_id_it_comes_with(door, given_id) -> None:
    answer = door(api_keys="off").post("/ctr", json={}, headers={"X-Request-Id": given_id})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == given_id


@pytest.mark.parametrize("given_id", ["", "a" * 65, "a b", "<script>", 'a"b', "ä".encode().decode("latin-1")])
def test_an_id_that_does_not_fit_is_replaced(door, given_id) -> None:
    answer = door(api_keys="off").post("/ctr", json={}, headers={"X-Request-Id": given_id.encode("latin-1")})
    assert len(answer.json()["request_id"]) == 32
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
