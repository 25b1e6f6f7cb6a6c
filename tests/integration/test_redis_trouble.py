"""Trouble with Redis: said in words that hold neither the password nor a customer; what was published stays."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pytest
from redis import Redis
from redis_examples import names, settings
from servers import PASSWORD, free_port, redis_server

from infra.errors import AimloopError
from infra.profiles import open_profiles, publish, published, redis_layout
from infra.sections import Services
from infra.settings import Settings
from infra.state import State
from tests.profile_examples import AS_OF, NOW, TABLES


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with redis_server() as port:
        yield port


@pytest.fixture
def server(port: int) -> Redis:
    """The server, emptied."""
    server = Redis(port=port, password=PASSWORD)
    server.flushall()
    return server


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "state").open()


def assert_told(what: str, act: Callable[[], object]) -> AimloopError:
    """It is said in words that hold neither the password nor a customer, however much of the error is shown."""
    with pytest.raises(AimloopError, match=what) as caught:
        act()
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    for secret in (PASSWORD, quote(PASSWORD), "s3cret", "a-customer"):
        assert secret not in str(error)
    return error


def assert_each_told(what: str, told: Settings, state: State) -> None:
    for act in (published, open_profiles):
        assert_told(what, lambda act=act: act(told, state))
    assert_told(what, lambda: publish(told, state, "g2", AS_OF, TABLES, NOW))


def test_no_server(state: State) -> None:
    redis_layout.settle(state)
    assert_each_told("cannot be reached, or the connection was lost", settings(free_port()), state)


def test_a_server_that_never_answers(state: State) -> None:
    redis_layout.settle(state)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        told = settings(silent.getsockname()[1])
        assert_told("cannot be reached, or the connection was lost", lambda: published(told, state))


def test_a_wrong_password(port: int, state: State) -> None:
    redis_layout.settle(state)
    wrong = settings(port, PASSWORD + "x")
    assert_each_told("refuses this user or password", wrong, state)


def test_a_user_who_may_not_write(server: Redis, port: int, state: State) -> None:
    publish(settings(port), state, "g1", AS_OF, TABLES, NOW)
    server.acl_setuser("reader", enabled=True, passwords=["+s3cret"], keys=["aimloop:*"], categories=["+@read"])
    told = Settings(services=Services(profile_store="redis", redis_url=f"redis://reader:s3cret@127.0.0.1:{port}/0"))

    assert open_profiles(told, state).rows("customers", [("ann",)]) != [None]
    assert_told("refuses .* a command", lambda: publish(told, state, "g2", AS_OF, TABLES, NOW))
    assert published(told, state) == "g1"


@pytest.mark.parametrize(
    "url", ["s3cret", "http://:s3cret@host", "redis://:s3cret/word@host:6379/0", "redis://:p@h:s3cret"]
)
def test_an_address_that_is_none(state: State, url: str) -> None:
    redis_layout.settle(state)
    told = Settings(services=Services(profile_store="redis", redis_url=url))
    assert_each_told("services.redis_url is not the address of a Redis", told, state)


def test_no_address(state: State) -> None:
    redis_layout.settle(state)
    told = Settings(services=Services(profile_store="redis"))
    error = assert_told("kept in Redis, and services.redis_url does not say where", lambda: published(told, state))
    assert "AIMLOOP_SERVICES__REDIS_URL" in error.remedy


def test_keys_of_someone_else(server: Redis, port: int, state: State) -> None:
    server.lpush(redis_layout.settle(state).pointer, "not ours")
    error = assert_told("holds something else under a key of aimloop's", lambda: open_profiles(settings(port), state))
    assert "choose another database" in error.remedy


def test_a_full_server_goes_on_serving_what_was_published(state: State) -> None:
    many = pd.DataFrame({"product_id": [f"a-customer-{n:06d}" for n in range(200_000)], "department": "food"})
    with (
        redis_server("maxmemory 8mb", "maxmemory-policy noeviction") as port,
        closing(Redis(port=port, password=PASSWORD)) as full,
    ):
        publish(settings(port), state, "g1", AS_OF, TABLES, NOW)
        profiles = open_profiles(settings(port), state)

        error = assert_told(
            "memory .* is full",
            lambda: publish(settings(port), state, "g2", AS_OF, {**TABLES, "products": many}, NOW),
        )

        assert "maxmemory" in error.remedy
        assert profiles.rows("customers", [("zoe",)]) == [None]
        assert published(settings(port), state) == "g1"
        assert names(full) == {"generations", "0001:current", "0001:g1"}, "its room is free again"
        publish(settings(port), state, "g2", AS_OF, TABLES, NOW)


def test_a_connection_lost_halfway(state: State) -> None:
    class Halfway(dict[str, pd.DataFrame]):
        def __getitem__(self, table: str) -> pd.DataFrame:
            if table == "products":
                Redis(port=port, password=PASSWORD).shutdown(nosave=True)
            return super().__getitem__(table)

    with redis_server() as port:
        publish(settings(port), state, "g1", AS_OF, TABLES, NOW)
        profiles = open_profiles(settings(port), state)
        assert_told("lost", lambda: publish(settings(port), state, "g2", AS_OF, Halfway(TABLES), NOW))
        assert_told("lost", lambda: profiles.rows("customers", [("a-customer",)]))


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(server: Redis, port: int, state: State) -> None:
    publish(settings(port), state, "g1", AS_OF, TABLES, NOW)
    profiles = open_profiles(settings(port), state)
    assert server.client_kill_filter(_type="normal", skipme=True) > 0

    assert profiles.rows("customers", [("zoe",)]) == [None]
