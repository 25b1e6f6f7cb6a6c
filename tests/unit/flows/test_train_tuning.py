"""Models are tuned where the settings ask for it, and the report says what came of it."""

from types import SimpleNamespace

import pytest

from flows.train import _tuned
from infra.settings import Settings
from tests.unit.models.conftest import SAMPLES


def tuned(name, **settings):
    sample = SAMPLES[name]()
    cycle = SimpleNamespace(door=SimpleNamespace(settings=Settings(**settings)), as_of=sample.as_of)
    return sample.params, *_tuned(cycle, sample.entry, sample.frame, sample.params)


def test_nothing_is_tuned_by_default():
    given, params, notes = tuned("clv")
    assert params is given
    assert notes == {}


def test_the_report_says_how_many_trials_ran_and_what_was_found():
    _, params, notes = tuned("clv", tuning_trials=3)
    assert notes["tuning"]["trials"] == 3
    assert notes["tuning"]["loss"] <= notes["tuning"]["loss_before"]
    assert {name: getattr(params, name) for name in notes["tuning"]["found"]} == notes["tuning"]["found"]


def test_where_nothing_can_be_tuned_the_report_says_nothing():
    given, params, notes = tuned("segmentation", tuning_trials=3)
    assert (params, notes) == (given, {})


@pytest.mark.parametrize("setting", [{"tuning_trials": -1}, {"tuning_seconds": 0}])
def test_trials_and_seconds_are_counts(setting):
    with pytest.raises(ValueError, match="greater than"):
        Settings(**setting)
