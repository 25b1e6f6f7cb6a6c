"""What makes other data of the same source, so that it lands anew."""

from dataclasses import replace

import pytest

from flows.context import Door, data_fingerprint
from infra.sections import Cleaning, Privacy


def with_settings(door: Door, **changed: object) -> Door:
    return replace(door, settings=door.settings.model_copy(update=changed))


@pytest.mark.parametrize(
    "changed", [{"cleaning": Cleaning(empty_words=("nothing",))}, {"privacy": Privacy(personal={"channel": "name"})}]
)
def test_what_cleans_and_masks_makes_other_data_of_the_same_source(door: Door, changed: dict[str, object]) -> None:
    door = with_settings(door, source="complete_journey")
    assert data_fingerprint(with_settings(door, **changed)) != data_fingerprint(door)


def test_what_only_models_use_makes_no_other_data(door: Door) -> None:
    door = with_settings(door, source="complete_journey")
    assert data_fingerprint(with_settings(door, seed=door.settings.seed + 1)) == data_fingerprint(door)
