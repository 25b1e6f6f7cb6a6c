"""Rotation of keys: the same people under other pseudonyms, nothing of the old keys left, champions untouched."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from pydantic import SecretStr

from bentos.endpoint import Refusal
from bentos.live import Live, Look
from flows.context import Door
from flows.forget import forget
from flows.rotate import rotate
from infra import epochs, warehouse
from infra.errors import AimloopError
from infra.intake import landing
from infra.intake.log_zone import open_log_zone
from infra.intake.raw_zone import open_raw_zone
from infra.keys import PARTS, open_keys
from infra.ledger import Ledger
from tests import small_state
from tests.e2e.search import files
from tests.small_state import ANN, TAG, assert_whole, epochs_of, everyone, open_door


def given(door: Door, **secrets: str) -> Door:
    """The door as it is with these keys in the environment."""
    settings = door.settings.model_copy(update={name: SecretStr(value) for name, value in secrets.items()})
    return Door(settings, door.state, open_keys(settings, door.state), door.ledger)


def test_the_small_state_is_whole_before_anything_happens(door: Door) -> None:
    assert_whole(door)


@pytest.mark.parametrize("parts", [PARTS, ("storage",), ("pseudonym",)])
def test_everything_moves_to_the_new_keys(door: Door, parts: tuple[str, ...]) -> None:
    before = door.keys

    done = rotate(door, parts)

    after = open_door(door.state.root)
    assert done == {"rotated": list(parts), "epoch": "0002", "next": []}
    assert (after.keys.storage != before.storage, after.keys.pseudonym != before.pseudonym) == (
        "storage" in parts,
        "pseudonym" in parts,
    )
    assert_whole(after)


def test_nothing_of_the_old_keys_is_left_and_champions_stay(door: Door) -> None:
    old = {**everyone(door), "storage": door.keys.storage, "pseudonym": door.keys.pseudonym.decode()}
    planted = door.state.dbt / "logs" / "dbt.log"

    rotate(door, PARTS)

    for path in files(door.state.root):
        if path != planted:
            assert not any(text.encode() in path.read_bytes() for text in old.values()), path
    assert epochs_of(door) == ["0002"]
    with pytest.raises(AimloopError, match="does not open with this storage key"), open_raw_zone(door.state, door.keys):
        pass
    assert Ledger(door.state.ledger).champion("segmentation") == TAG


def test_predictions_of_people_whom_the_crosswalk_does_not_know_stay_without_a_name(door: Door) -> None:
    stranger = small_state.PREDICTION._replace(prediction_id="of-a-stranger", pseudonym="s" * 24)
    (door.state.predictions / "1.jsonl").write_bytes(orjson.dumps(stranger._asdict()) + b"\n")

    rotate(door, PARTS)

    after = open_door(door.state.root)
    with open_log_zone(after.state, after.keys) as zone:
        without = zone.execute("SELECT prediction_id FROM log.predictions WHERE pseudonym IS NULL").fetchall()
        texts = zone.execute("SELECT reason, row_json FROM log.quarantine").fetchall()
    assert without == [("of-a-stranger",)]
    assert texts == [("prediction_id: missing", None)]


def test_with_another_storage_key_alone_the_log_stays_as_it_is(door: Door) -> None:
    rotate(door, ["storage"])

    after = open_door(door.state.root)
    with open_log_zone(after.state, after.keys) as zone:
        ((text,),) = zone.execute("SELECT row_json FROM log.quarantine").fetchall()
    assert json.loads(text) == {"of": after.keys.pseudonymise(ANN)}


def test_what_services_log_during_the_rotation_follows(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    old, switch = door.state.pinned(), epochs.switch
    row = small_state.PREDICTION._replace(prediction_id="late", pseudonym=door.keys.pseudonymise(ANN))

    def log_and_switch(root: Path, name: str) -> None:
        switch(root, name)
        (old.predictions / "late.jsonl.open").write_bytes(orjson.dumps(row._asdict()) + b"\n")

    monkeypatch.setattr(epochs, "switch", log_and_switch)
    rotate(door, PARTS)

    after = open_door(door.state.root)
    with open_log_zone(after.state, after.keys) as zone:
        late = zone.execute("SELECT pseudonym FROM log.predictions WHERE prediction_id = 'late'").fetchall()
    assert late == [(after.keys.pseudonymise(ANN),)]


def test_scores_of_people_whom_the_crosswalk_no_longer_knows_are_left_behind(door: Door) -> None:
    landing.land(door.state, door.keys, small_state.tables()[:0], "an export without anybody")

    rotate(door, PARTS)

    generation = warehouse.published(door.state)
    assert generation is not None
    assert generation.query("FROM marts.scores").empty


def test_erased_people_stay_erased_under_another_pseudonym_key(door: Door) -> None:
    forget(door, [ANN])
    rotate(open_door(door.state.root), PARTS)
    after = open_door(door.state.root)

    landings = landing.land(after.state, after.keys, small_state.tables(), "the same export")

    assert [tuple(table.counts().values()) for table in landings[:2]] == [(3, 2, 0, 1), (14, 8, 1, 5)]


def test_rotation_happens_again_and_again(door: Door) -> None:
    for epoch in ("0002", "0003"):
        door = open_door(door.state.root)
        assert rotate(door, PARTS)["epoch"] == epoch
    assert_whole(open_door(door.state.root))


def test_an_empty_state_has_its_keys_rotated_as_well(tmp_path: Path) -> None:
    door = open_door(tmp_path / "state")

    rotate(door, PARTS)

    assert open_door(tmp_path / "state").keys.storage != door.keys.storage


# ── keys from the environment ─────────────────────────────────────────────────────────────────

OLD = {"storage_key": "s" * 20, "pseudonym_key": "p" * 20}
NEW = {"new_storage_key": "S" * 20, "new_pseudonym_key": "P" * 20}


def moved_to_the_environment(door: Door) -> Door:
    """The small state, its keys given by the environment alone."""
    rotate(given(door, **{f"new_{name}": value for name, value in OLD.items()}), PARTS)
    return given(open_door_with(door, OLD), **OLD)


def open_door_with(door: Door, secrets: dict[str, str]) -> Door:
    settings = door.settings.model_copy(update={name: SecretStr(value) for name, value in secrets.items()})
    return replace(door, settings=settings, keys=open_keys(settings, door.state))


def test_keys_of_the_environment_move_to_keys_of_the_environment_and_leave_no_file(door: Door) -> None:
    door = moved_to_the_environment(door)
    assert_whole(door)

    done = rotate(given(door, **NEW), PARTS)

    assert done["next"] == [
        "set AIMLOOP_STORAGE_KEY to what AIMLOOP_NEW_STORAGE_KEY is, and unset AIMLOOP_NEW_STORAGE_KEY",
        "set AIMLOOP_PSEUDONYM_KEY to what AIMLOOP_NEW_PSEUDONYM_KEY is, and unset AIMLOOP_NEW_PSEUDONYM_KEY",
    ]
    assert [path.name for path in door.state.keys.iterdir()] == ["pseudonym.fingerprint"]
    assert_whole(given(door, storage_key="S" * 20, pseudonym_key="P" * 20))


def test_who_goes_on_with_the_old_pseudonym_key_is_told(door: Door) -> None:
    door = moved_to_the_environment(door)
    rotate(given(door, **NEW), PARTS)

    with pytest.raises(AimloopError, match=r"not the one that .* was rotated to") as caught:
        given(door, **OLD)

    assert "AIMLOOP_NEW_PSEUDONYM_KEY" in caught.value.remedy


@pytest.mark.parametrize(
    ("secrets", "what"),
    [
        ({}, "the storage key comes from the environment, and its successor must come from there too"),
        ({"new_storage_key": "s" * 20}, "AIMLOOP_NEW_STORAGE_KEY is the key in use"),
        ({"new_storage_key": "short"}, "the key in AIMLOOP_NEW_STORAGE_KEY has 5 characters"),
    ],
)
def test_a_successor_that_will_not_do_changes_nothing(door: Door, secrets: dict[str, str], what: str) -> None:
    door = moved_to_the_environment(door)

    with pytest.raises(AimloopError, match=re.escape(what)):
        rotate(given(door, **secrets), PARTS)

    assert epochs_of(door) == ["0002"]
    assert_whole(door)


def test_a_full_disk_leaves_the_old_epoch_and_nothing_else(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("infra.erasing.profiles.rename", full)

    with pytest.raises(OSError, match="No space left"):
        rotate(door, PARTS)

    assert epochs_of(door) == ["0001"]
    assert_whole(door)


# ── services ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def live(door: Door) -> Iterator[Live]:
    """What a worker of a service without models holds."""
    live = Live({}, door.settings)
    yield live
    live.close()


def known(look: Look, customer_id: str) -> list[object]:
    """The money a customer spent lately, if the customer is known."""
    columns, (found,) = look.customers(look.pseudonyms([customer_id]))
    return [found[columns.index("amount_84d")]] if found else []


def test_a_service_turns_to_the_new_epoch_at_its_next_look(door: Door, live: Live) -> None:
    before = live.look
    assert known(before, ANN) == [1]

    rotate(door, PARTS)
    live.refresh()

    after = live.look
    assert known(after, ANN) == [1]
    assert before.keys.pseudonymise(ANN) != after.keys.pseudonymise(ANN)
    assert before.log is not after.log
    assert known(before, ANN) == [1]  # who had looked before still sees one epoch, whole


def test_a_service_that_was_not_given_the_new_key_says_so(door: Door) -> None:
    door = moved_to_the_environment(door)
    live = Live({}, door.settings)
    try:
        assert known(live.look, ANN) == [1]
        rotate(given(door, **NEW), PARTS)
        live.refresh()
        with pytest.raises(Refusal) as told:
            _ = live.look
        assert told.value.status == 503
        assert live.trouble is not None
        assert "start services anew" in live.trouble
    finally:
        live.close()
