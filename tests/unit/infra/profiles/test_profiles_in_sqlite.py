"""One file a generation: published whole, never changed, and the one before kept for whoever has read the pointer."""

import pandas as pd
import pytest

from infra.errors import AimloopError
from infra.profiles import open_profiles, publish, published
from infra.profiles.in_sqlite import SqliteProfiles
from infra.settings import Settings
from infra.state import State
from tests.profile_examples import AS_OF, NOW, TABLES

SETTINGS = Settings()


@pytest.fixture
def profiles(state: State) -> SqliteProfiles:
    publish(SETTINGS, state, "g1", AS_OF, TABLES, NOW)
    found = open_profiles(SETTINGS, state)
    assert isinstance(found, SqliteProfiles)
    return found


def files(state: State) -> set[str]:
    return {path.name for path in state.profiles.iterdir()}


def test_before_the_first_cycle_there_are_no_profiles(state: State) -> None:
    with pytest.raises(AimloopError) as caught:
        open_profiles(SETTINGS, state)

    assert caught.value.what == f"no profiles in {state.profiles}"
    assert caught.value.remedy == "run a cycle first: `aimloop run`"


def test_publishing_keeps_the_file_before_and_drops_older_ones(state: State) -> None:
    for name in ("g1", "g2", "g3"):
        publish(SETTINGS, state, name, AS_OF, TABLES, NOW)

    assert files(state) == {"g2.sqlite", "g3.sqlite", "current"}
    assert (state.profiles / "current").read_text() == "g3.sqlite\n"


def test_a_load_that_fails_leaves_the_published_generation(state: State, profiles: SqliteProfiles) -> None:
    doubled = pd.concat([TABLES["products"]] * 2)

    with pytest.raises(Exception, match="UNIQUE"):
        publish(SETTINGS, state, "g2", AS_OF, {**TABLES, "products": doubled}, NOW)

    assert published(SETTINGS, state) == "g1"
    publish(SETTINGS, state, "g3", AS_OF, TABLES, NOW)
    assert files(state) == {"g1.sqlite", "g3.sqlite", "current"}, "what the failed load had left goes"


def test_the_pointer_moves_only_once_the_file_is_in_place(state: State, profiles: SqliteProfiles) -> None:
    (state.profiles / "g2.sqlite").mkdir()  # so that the finished file cannot take its place

    with pytest.raises(IsADirectoryError):
        publish(SETTINGS, state, "g2", AS_OF, TABLES, NOW)

    assert published(SETTINGS, state) == "g1"


def test_a_reader_cannot_write(profiles: SqliteProfiles) -> None:
    with pytest.raises(Exception, match="readonly"):
        profiles.connection.execute("DELETE FROM customers")


@pytest.mark.parametrize("folder", ["sales #1", "100%41", "a?mode=rwc"])
def test_the_state_folder_may_have_any_name(tmp_path_factory: pytest.TempPathFactory, folder: str) -> None:
    state = State(tmp_path_factory.mktemp("any") / folder).open()
    publish(SETTINGS, state, "g1", AS_OF, TABLES, NOW)

    assert open_profiles(SETTINGS, state).rows("customers", [("ann",)]) != [None]


@pytest.mark.parametrize("content", [b"", b"no database at all, but longer than a header of one hundred bytes" * 3])
def test_a_damaged_file_says_what_to_do(state: State, profiles: SqliteProfiles, content: bytes) -> None:
    (state.profiles / "g1.sqlite").write_bytes(content)

    with pytest.raises(AimloopError, match=r"g1\.sqlite cannot be read") as caught:
        open_profiles(SETTINGS, state)

    assert caught.value.remedy.startswith(f"remove {state.profiles / 'current'}, then run a cycle")


def test_a_file_damaged_while_it_is_open_says_what_to_do(state: State) -> None:
    many = pd.DataFrame({"product_id": [f"p{n:05d}" for n in range(20_000)], "department": "food"})
    publish(SETTINGS, state, "g1", AS_OF, {**TABLES, "products": many}, NOW)
    profiles = open_profiles(SETTINGS, state)
    file = state.profiles / "g1.sqlite"
    with file.open("r+b") as content:
        content.seek(4096)
        content.write(b"\xff" * (file.stat().st_size - 4096))

    with pytest.raises(AimloopError, match="cannot be read"):
        profiles.rows("products", [(f"p{n:05d}",) for n in range(0, 20_000, 100)])
