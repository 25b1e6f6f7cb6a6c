"""Who reads many profiles is on record, however the reading is cut up."""

import json
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentos.bulk_reads import MANY, SPAN_SECONDS, BulkReads, Recorder
from infra.audit import Audit
from infra.ledger import Ledger
from infra.state import State


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def noted(reads: list[tuple[float, str, int]]) -> list[dict]:
    """What goes on record of reads: seconds since the one before, key, profiles."""
    clock, recorded = Clock(), []
    bulk = BulkReads(recorded.append, clock)
    for pause, key, profiles in reads:
        clock.now += pause
        bulk.note(key, profiles)
    return recorded


@pytest.mark.parametrize(
    ("reads", "on_record"),
    [
        ([(0, "a", MANY - 1)], []),
        ([(0, "a", MANY)], [("a", MANY, MANY)]),
        ([(1, "a", 1)] * (2 * MANY), [("a", MANY, MANY), ("a", MANY, 2 * MANY)]),  # one by one
        ([(0, "a", 60), (0, "b", 60), (0, "a", 60)], [("a", 120, 120)]),
        ([(0, "a", 60), (SPAN_SECONDS, "a", 60)], []),  # an hour later
        ([(0, "none", 500)], [("none", 500, 500)]),  # without keys
    ],
)
def test_another_hundred_within_an_hour_goes_on_record(reads, on_record) -> None:
    told = [(entry["key"], entry["profiles"], entry["within_the_hour"]) for entry in noted(reads)]
    assert told == on_record


@given(st.lists(st.integers(0, 300), max_size=50))
def test_never_more_than_ninety_nine_stay_unrecorded(sizes: list[int]) -> None:
    recorded = noted([(0.0, "a", size) for size in sizes])
    assert sum(sizes) - sum(entry["profiles"] for entry in recorded) < MANY


def test_entries_stand_on_the_audit_trail(tmp_path) -> None:
    state = State(tmp_path / "state").open()
    Ledger(state.ledger).close()
    recorder = Recorder(state.ledger)
    BulkReads(recorder).note("abc123", 250)
    recorder.close()
    with closing(Ledger(state.ledger)) as ledger:
        (entry,) = Audit(ledger, "tests", "tests").entries()
    assert (entry.user, entry.role, entry.action, entry.is_intact) == ("key abc123", "read", "profiles read", True)
    assert json.loads(json.dumps(entry.details)) == {"key": "abc123", "profiles": 250, "within_the_hour": 250}


def test_no_other_ledger_is_made_where_one_is_gone_and_the_next_entry_is_tried(tmp_path) -> None:
    state = State(tmp_path / "state").open()
    recorder = Recorder(state.ledger)
    recorder({"key": "abc123", "profiles": 250})
    recorder({"key": "abc123", "profiles": 250})
    assert recorder.is_alive
    recorder.close()
    assert not state.ledger.exists()
