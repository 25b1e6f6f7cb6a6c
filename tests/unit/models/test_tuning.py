"""Tuning searches earlier windows alone, starts from what it is given, and keeps to its time."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models import tuning
from models.tuning import tune
from tests.unit.models.conftest import SAMPLES

LONG = 600.0


@pytest.fixture(scope="module", params=["churn", "clv"])
def sample(request):
    return SAMPLES[request.param]()


def tuned(sample, trials=4, seconds=LONG, frame=None, params=None):
    frame = sample.frame if frame is None else frame
    return tune(sample.model, frame, sample.as_of, params or sample.params, trials, seconds)


@pytest.fixture(scope="module")
def found(sample):
    return tuned(sample)


@pytest.fixture
def tried(sample, monkeypatch):
    """The parameters of every rehearsal, in order."""
    asked, rehearse = [], sample.model.rehearse

    def listening(past, later, params):
        asked.append(params)
        return rehearse(past, later, params)

    monkeypatch.setattr(sample.model, "rehearse", listening)
    return asked


def test_the_same_seed_finds_the_same(sample, found):
    assert found.trials == 4
    assert tuned(sample) == found


def test_what_is_given_is_tried_first(sample, tried):
    once = tuned(sample, trials=1)
    assert set(tried) == {sample.params}
    assert once.params == sample.params
    assert once.loss == once.loss_before
    assert once.found == {}


def test_it_returns_nothing_worse_than_what_is_given(sample, found):
    assert found.loss <= found.loss_before
    assert tuned(sample, trials=1, params=found.params).loss == pytest.approx(found.loss, rel=1e-12)


def test_what_is_given_stays_where_nothing_is_better(sample, monkeypatch):
    losses = iter([1.0, 2.0, 1.0])
    monkeypatch.setattr(tuning, "_mean_loss", lambda *_: next(losses))
    kept = tuned(sample, trials=3)
    assert (kept.params, kept.found, kept.trials) == (sample.params, {}, 3)


def test_what_differs_is_said(sample, monkeypatch):
    losses = iter([1.0, 0.5])
    monkeypatch.setattr(tuning, "_mean_loss", lambda *_: next(losses))
    better = tuned(sample, trials=2)
    assert better.found
    assert replace(sample.params, **better.found) == better.params != sample.params
    assert better.given == {name: getattr(sample.params, name) for name in better.found}
    notes = better.notes()
    assert notes.pop("windows") == [f"{window.origin:%Y-%m-%d}" for window in sample.windows[:-1]]
    assert notes.pop("seconds") < LONG
    assert notes == {"trials": 2, "loss_before": 1.0, "loss": 0.5, "found": better.found, "given": better.given}


def test_nothing_new_is_tried_once_the_time_is_over(sample, monkeypatch):
    now = [0.0]

    def takes_ten_seconds(*_):
        now[0] += 10
        return 1.0

    monkeypatch.setattr(tuning, "_mean_loss", takes_ten_seconds)
    monkeypatch.setattr(tuning.time, "monotonic", lambda: now[0])
    found = tuned(sample, trials=100, seconds=35)
    assert (found.trials, found.seconds) == (3, 30)
    assert tuned(sample, trials=100, seconds=5).trials == 1


def test_the_reported_window_is_not_looked_at(sample, found):
    reported = sample.windows[-1].origin
    rows = sample.frame["snapshot_at"] >= reported
    assert rows.any()
    drawn = np.random.default_rng(1).permutation(int(rows.sum()))
    garbage = (
        sample.frame[rows]
        .iloc[drawn]
        .assign(
            label_ends_at=sample.frame.loc[rows, "label_ends_at"].to_numpy(),
            snapshot_at=sample.frame.loc[rows, "snapshot_at"].to_numpy(),
        )
    )
    for name in ("churned", "next_order_days", "revenue", "amount_84d", "days_since_last_order"):
        if name in garbage:
            garbage[name] = garbage[name].sample(frac=1, random_state=2).to_numpy()
    assert tuned(sample, frame=pd.concat([sample.frame[~rows], garbage])) == found


def test_a_model_without_a_space_stays_as_it_is():
    sample = SAMPLES["segmentation"]()
    kept = tuned(sample)
    assert (kept.params, kept.trials) == (sample.params, 0)


def test_without_an_earlier_window_there_is_nothing_to_tune_on(sample):
    params = replace(sample.params, earlier_windows=0)
    assert tuned(sample, params=params).params == params


def test_with_too_little_history_there_is_nothing_to_tune_on(sample):
    first = sample.frame[sample.frame["snapshot_at"] <= sample.frame["snapshot_at"].min()]
    kept = tuned(sample, frame=first)
    assert kept.params == sample.params
    assert (kept.trials, math.isnan(kept.loss)) == (0, True)


@pytest.mark.parametrize("name", ["ridge", "leaves"])
def test_a_given_value_outside_of_its_range_is_tried_too(sample, tried, name):
    if not hasattr(sample.params, name):
        pytest.skip(f"{sample.name} has no {name}")
    params = replace(sample.params, **{name: type(getattr(sample.params, name))(200)})
    tuned(sample, trials=1, params=params)
    assert set(tried) == {params}
