"""A challenger that fails is passed over after a while of failing, and tried again later."""

import itertools

import pytest

from bentos import patience
from bentos.patience import FAILURES_IN_A_ROW, PASSED_OVER_SECONDS, Patience


@pytest.fixture
def clock(monkeypatch):
    """Seconds that the test sets."""
    now = [1_000.0]
    monkeypatch.setattr(patience.time, "monotonic", lambda: now[0])
    return now


def fail() -> None:
    raise ZeroDivisionError


def attempt(patient: Patience, do=fail, rows: int = 1, took_ms: float = 0.0):
    ticks = itertools.chain([0.0], itertools.repeat(took_ms / 1e3))
    return patient.attempt("ctr:new", do, rows, 250, lambda: next(ticks))


def well() -> None:
    return


def test_what_went_wrong_is_told():
    patient = Patience()
    assert attempt(patient, well) is None
    assert attempt(patient) == "error"
    assert attempt(patient, well, took_ms=251) == "slow"
    assert attempt(patient, well, took_ms=250) is None


def test_many_rows_may_take_longer():
    assert attempt(Patience(), well, rows=4_000, took_ms=1_000) is None
    assert attempt(Patience(), well, rows=4_000, took_ms=1_001) == "slow"


def test_after_some_failures_in_a_row_it_is_not_asked_for_a_while(clock):
    patient, asked = Patience(), []
    for _ in range(FAILURES_IN_A_ROW):
        assert attempt(patient) == "error"
    assert attempt(patient, lambda: asked.append(1)) == "passed over"
    clock[0] += PASSED_OVER_SECONDS - 0.1
    assert attempt(patient, lambda: asked.append(1)) == "passed over"
    assert not asked

    clock[0] += 0.1
    assert attempt(patient) == "error"  # it is tried once
    assert attempt(patient, lambda: asked.append(1)) == "passed over"
    clock[0] += PASSED_OVER_SECONDS
    assert attempt(patient, lambda: asked.append(1)) is None
    assert attempt(patient) == "error"  # well again: it is asked as before
    assert attempt(patient, well) is None
    assert asked == [1]


def test_while_it_is_tried_again_others_pass_it_over(clock):
    patient, meanwhile = Patience(in_a_row=FAILURES_IN_A_ROW, again_at=0.0), []
    assert attempt(patient, lambda: meanwhile.append(attempt(patient, well))) is None
    assert meanwhile == ["passed over"]


def test_failures_that_are_not_in_a_row_are_forgiven():
    patient = Patience()
    for do in (fail, fail, well) * 5:
        assert attempt(patient, do) in ("error", None)
