"""Profiles in a real Redis server: what lies there, what goes when people or keys go, and what trouble looks like."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pytest
from redis import Redis
from servers import PASSWORD, free_port, redis_server

from flows import rotate as story
from flows.forget import forget
from flows.rotate import rotate
from infra import epochs
from infra.errors import AimloopError
from infra.keys import PARTS
from infra.profiles import GenerationGone, open_profiles, publish, published, redis_layout
from infra.sections import Services
from infra.settings import Settings
from infra.state import State
from tests import small_state
from tests.profile_examples import AS_OF, NOW, TABLES, with_customers
from tests.small_state import ANN, assert_whole, everyone, open_door


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


def services(port: int, password: str = PASSWORD) -> Services:
    return Services(profile_store="redis", redis_url=f"redis://:{quote(password)}@127.0.0.1:{port}/0")


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "state").open()


def settings(port: int) -> Settings:
    return Settings(services=services(port))


def content(server: Redis) -> bytes:
    """Everything the server holds, names included."""
    found = []
    for key in server.scan_iter():
        kind = server.type(key)
        read = {b"hash": server.hgetall, b"set": server.smembers, b"string": server.get}[kind]
        found.append(f"{key!r} {read(key)!r}")
    return "\n".join(sorted(found)).encode()


def names(server: Redis) -> set[str]:
    """The keys there are, the folder's name and the tables' cut off."""
    return {":".join(key.decode().split(":")[2:4]) for key in server.scan_iter()}


# ── what lies there ───────────────────────────────────────────────────────────────────────────


def test_the_published_generation_and_the_one_before_are_kept_under_names_of_aimloop(
    server: Redis, port: int, state: State
) -> None:
    for generation in ("g1", "g2", "g3"):
        publish(settings(port), state, generation, AS_OF, TABLES, NOW)

    assert names(server) == {"generations", "0001:current", "0001:g2", "0001:g3"}
    folder = state.redis_name.read_text().strip()
    assert all(key.startswith(f"aimloop:{folder}:".encode()) for key in server.scan_iter())
    assert (
        server.hgetall(f"aimloop:{folder}:0001:g3:customer_category").items()
        >= {
            b'["ann","tea"]': b"[4.0]",
            b'["bob","soap"]': b"[6.0]",
        }.items()
    )


def test_a_reader_of_a_generation_that_is_gone_is_told_so_and_not_that_all_are_strangers(
    server: Redis, port: int, state: State
) -> None:
    publish(settings(port), state, "g1", AS_OF, TABLES, NOW)
    profiles = open_profiles(settings(port), state)
    for generation in ("g2", "g3"):
        publish(settings(port), state, generation, AS_OF, TABLES, NOW)

    with pytest.raises(GenerationGone, match="no longer holds generation g1"):
        profiles.rows("customers", [("ann",)])
    publish(settings(port), state, "g1", AS_OF, with_customers(orders_total=[8, 2]), NOW)
    with pytest.raises(GenerationGone):  # of the same name, and another one
        profiles.rows("customers", [("ann",)])


def test_a_server_that_lost_its_data_is_told_from_one_without_customers(server: Redis, port: int, state: State) -> None:
    publish(settings(port), state, "g1", AS_OF, TABLES, NOW)
    pointer = redis_layout.settle(state).pointer
    server.flushall()
    assert published(settings(port), state) is None
    server.set(pointer, "g1")

    with pytest.raises(GenerationGone, match="no longer holds generation g1"):
        open_profiles(settings(port), state)


# ── people and keys that go ───────────────────────────────────────────────────────────────────


def test_an_erased_person_is_in_no_generation_any_more(server: Redis, port: int, tmp_path: Path) -> None:
    door = small_state.build(tmp_path / "state", services(port))
    tables = small_state.profile_tables(list(everyone(door).values()))
    publish(door.settings, door.state, "g2", AS_OF, tables, NOW)
    profiles = open_profiles(door.settings, door.state)
    ann = door.keys.pseudonymise(ANN)
    assert ann.encode() in content(server)

    (certificate,) = forget(door, [ANN])

    assert ann.encode() not in content(server)
    assert names(server) == {"generations", "0001:current", "0001:g2"}
    assert certificate["rows_removed"]["profiles in Redis"] == 3
    known = profiles.rows("customers", [(pseudonym,) for pseudonym in everyone(door).values()])
    assert [row is not None for row in known] == [False, True, True]


def test_an_erasure_reaches_the_store_that_is_no_longer_chosen(server: Redis, port: int, tmp_path: Path) -> None:
    small_state.build(tmp_path / "state", services(port))
    in_files = services(port).model_copy(update={"profile_store": "sqlite"})
    door = open_door(tmp_path / "state", in_files)
    publish(door.settings, door.state, "g1", AS_OF, small_state.profile_tables(list(everyone(door).values())), NOW)

    removed = forget(door, [ANN])[0]["rows_removed"]

    assert (removed["profiles"], removed["profiles in Redis"]) == (3, 3)
    assert door.keys.pseudonymise(ANN).encode() not in content(server)


def test_an_erasure_that_cannot_reach_redis_is_not_finished_and_says_what_to_do(
    server: Redis, port: int, tmp_path: Path
) -> None:
    small_state.build(tmp_path / "state", services(port))
    door = open_door(tmp_path / "state")

    with pytest.raises(AimloopError, match=r"published to Redis, and services\.redis_url does not say") as caught:
        forget(door, [ANN])

    assert f"remove {door.state.redis_name}" in caught.value.remedy
    assert list(door.state.certificates.glob("*.json")) == []
    forget(open_door(tmp_path / "state", services(port)), [ANN])
    assert len(list(door.state.certificates.glob("*.json"))) == 1


@pytest.mark.parametrize("parts", [PARTS, ("storage",)])
def test_profiles_move_to_the_new_epoch_with_the_keys(
    server: Redis, port: int, tmp_path: Path, parts: tuple[str, ...]
) -> None:
    door = small_state.build(tmp_path / "state", services(port))
    before = everyone(door).values()

    assert rotate(door, parts)["next"] == []

    after = open_door(tmp_path / "state", services(port))
    assert_whole(after)
    assert names(server) == {"generations", "0002:current", "0002:g1"}
    left = [pseudonym for pseudonym in before if pseudonym.encode() in content(server)]
    assert left == ([] if "pseudonym" in parts else list(before))
    profiles = open_profiles(after.settings, after.state)
    assert (profiles.as_of, profiles.published_at) == (small_state.AS_OF.isoformat(), small_state.NOW)


def test_a_rotation_cut_short_before_the_swap_leaves_nothing_for_the_next_one_or_the_next_publication(
    server: Redis, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    door = small_state.build(tmp_path / "state", services(port))
    monkeypatch.setattr(story.epochs, "switch", cut)
    with pytest.raises(KeyboardInterrupt):
        rotate(door, PARTS)
    monkeypatch.undo()
    assert_whole(door)
    epochs.sweep(door.state.root)  # as whoever locks the state next does

    publish(door.settings, door.state, "g2", AS_OF, TABLES, NOW)

    assert names(server) == {"generations", "0001:current", "0001:g1", "0001:g2"}


def test_old_profiles_that_a_rotation_could_not_remove_go_with_the_next_publication(
    server: Redis, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise AimloopError("Redis at 127.0.0.1:1 cannot be reached", "see that it runs")

    door = small_state.build(tmp_path / "state", services(port))
    monkeypatch.setattr(story.redis_profiles, "end_epochs", away)

    done = rotate(door, PARTS)

    assert done["next"] == [
        "Redis at 127.0.0.1:1 cannot be reached: "
        "the next `aimloop run` removes the profiles under the old pseudonyms there"
    ]
    assert names(server) == {"generations", "0001:current", "0001:g1", "0002:current", "0002:g1"}
    publish(door.settings, door.state, "g2", AS_OF, TABLES, NOW)
    assert names(server) == {"generations", "0002:current", "0002:g1", "0002:g2"}


# ── trouble ───────────────────────────────────────────────────────────────────────────────────


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
    wrong = Settings(services=services(port, PASSWORD + "x"))
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
