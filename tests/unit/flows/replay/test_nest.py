"""The state folder of a replay: its own keys, nobody outside hears of it, and it goes whole."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from flows import forget, rotate
from flows.context import Door
from flows.replay import nest
from flows.replay.plan import Plan, planned
from infra.erasing import people, replays, tombstones
from infra.errors import AimloopError
from infra.keys import PARTS, open_keys
from infra.state import State
from tests import small_state
from tests.small_state import ANN

PLAN = planned("2017-05-07", "2017-06-04", "28d", "complete_journey", name="may")


def begun(door: Door, plan: Plan = PLAN) -> Path:
    return nest.begin(door, plan)


def keys_of(folder: Path, door: Door) -> tuple[str, bytes]:
    keys = open_keys(door.settings, State(folder))
    return keys.storage, keys.pseudonym


def test_its_keys_are_its_own_and_the_same_each_time(door: Door) -> None:
    folder = begun(door)
    first = keys_of(folder, door)
    assert first[0] != door.keys.storage
    assert first[1] != door.keys.pseudonym
    replays.drop(folder)
    assert keys_of(begun(door), door) == first
    assert keys_of(begun(door, replace(PLAN, name="other")), door) != first


def test_keys_from_the_environment_stay_off_the_disk(door: Door) -> None:
    given = {f"{part}_key": SecretStr(f"a given key of the {part}") for part in PARTS}
    door = replace(door, settings=door.settings.model_copy(update=given))
    folder = begun(door)
    assert not list(State(folder).keys.glob("*.key"))
    environ = {"AIMLOOP_NEW_STORAGE_KEY": "a key that is to come"}
    nest.enter(door, PLAN, folder, environ)
    assert environ["AIMLOOP_STORAGE_KEY"] not in ("", "a given key of the storage")
    assert "AIMLOOP_NEW_STORAGE_KEY" not in environ


def test_profiles_stay_in_files_whatever_the_settings_say(door: Door) -> None:
    environ = {"AIMLOOP_SERVICES__PROFILE_STORE": "redis", "AIMLOOP_AS_OF": "2017-12-04"}
    nest.enter(door, PLAN, begun(door), environ)
    assert environ["AIMLOOP_SERVICES__PROFILE_STORE"] == "sqlite"
    assert environ["AIMLOOP_STATE"] == str(door.state.replays / "may")
    assert "AIMLOOP_AS_OF" not in environ


def test_what_was_begun_goes_on_and_another_is_refused(door: Door) -> None:
    folder = begun(door)
    assert begun(door) == folder
    with pytest.raises(AimloopError, match="begun with another plan"):
        begun(door, replace(PLAN, every_days=14))
    changed = door.settings.model_copy(update={"seed": 7})
    with pytest.raises(AimloopError, match="begun with another settings"):
        begun(replace(door, settings=changed))
    nest.begin(replace(door, settings=changed), PLAN, anew=True)
    assert json.loads((folder / nest.FOLDER / "plan.json").read_text())["settings"]["seed"] == 7


def test_one_that_was_cut_short_at_its_very_start_is_begun_again(door: Door) -> None:
    folder = begun(door)
    (folder / nest.FOLDER / "plan.json").unlink()
    (folder / "half").touch()
    assert begun(door) == folder
    assert not (folder / "half").exists()


def test_an_erasure_drops_replays_whole_and_says_so(door: Door) -> None:
    folder = begun(door)
    with door.state.lock():
        (certificate,) = forget.forget(door, [ANN])
    assert not folder.exists()
    assert certificate["replays_dropped"] == ["may"]
    assert "replay" in Path(certificate["file"]).read_text(encoding="utf-8")


def test_who_is_erased_stays_out_of_later_replays(door: Door) -> None:
    with door.state.lock():
        forget.forget(door, [ANN])
    door = small_state.open_door(door.state.root)
    nested = State(begun(door))
    keys = open_keys(door.settings, nested)
    assert tombstones.read(nested, keys) == tombstones.read(door.state, door.keys) != {}


def test_other_keys_drop_replays_whole_and_say_so(door: Door) -> None:
    folder = begun(door)
    with door.state.lock():
        done = rotate.rotate(door, PARTS)
    assert not folder.exists()
    assert any("replay" in line and "may" in line for line in done["next"])


def test_none_is_dropped_while_one_is_running(door: Door) -> None:
    folder = begun(door)
    with replays.held(door.state, "wait"), door.state.lock(), pytest.raises(AimloopError, match="a replay is running"):
        forget.forget(door, [ANN])
    assert folder.exists()
    assert people.pending(door.state, door.keys) == []  # nothing has begun


def test_what_is_left_of_one_cut_short_while_it_was_dropped_goes_too(door: Door) -> None:
    folder = begun(door)
    folder.rename(folder.with_name("may.dropped"))
    assert replays.drop_all(door.state) == []
    assert replays.names(door.state) == []
