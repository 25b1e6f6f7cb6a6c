"""Profiles in a real Redis server: what lies there, and what goes when people or keys go."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis_examples import names, services, settings
from servers import PASSWORD, redis_server

from flows import rotate as story
from flows.forget import forget
from flows.rotate import rotate
from infra import epochs
from infra.errors import AimloopError
from infra.keys import PARTS
from infra.profiles import GenerationGone, open_profiles, publish, published, redis_layout
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


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "state").open()


def content(server: Redis) -> bytes:
    """Everything the server holds, names included."""
    found = []
    for key in server.scan_iter():
        kind = server.type(key)
        read = {b"hash": server.hgetall, b"set": server.smembers, b"string": server.get}[kind]
        found.append(f"{key!r} {read(key)!r}")
    return "\n".join(sorted(found)).encode()


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
