"""Checks: kept by version, judgement and instant; made again at the same instant they take the first's place."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from infra.checks import Checks, StoredCheck
from infra.ledger import Ledger
from infra.state import State

AT = datetime(2017, 12, 4, 6)
CHECK = StoredCheck(
    version="ctr:c1",
    kind="data",
    checked_at=AT,
    model="ctr",
    cycle_id="c1",
    evidence_until=datetime(2017, 12, 4),
    value=0.4,
    threshold=0.3,
    clear=0.2,
    passed=False,
    reason="distance 0.400",
    asks=True,
)


@pytest.fixture
def checks(state: State) -> Iterator[Checks]:
    with closing(Ledger(state.ledger)) as ledger:
        yield Checks(ledger)


def later(days: float, **changes: object) -> StoredCheck:
    return replace(CHECK, checked_at=AT + timedelta(days=days), **changes)  # type: ignore[arg-type]


def test_a_history_is_that_of_one_judgement_of_one_version_before_an_instant(checks: Checks) -> None:
    checks.store([later(7), CHECK, later(0, kind="prediction"), later(0, version="ctr:c2")])
    assert checks.history("ctr:c1", "data", before=AT + timedelta(days=8)) == [CHECK, later(7)]
    assert checks.history("ctr:c1", "data", before=AT + timedelta(days=7)) == [CHECK]
    assert checks.history("ctr:c1", "data", before=AT + timedelta(days=8), most=1) == [later(7)]
    assert len(checks.all()) == len(checks.of_cycle("c1")) == 4


def test_a_check_made_again_at_the_same_instant_takes_the_place_of_the_first(checks: Checks) -> None:
    checks.store([CHECK])
    checks.store([replace(CHECK, value=0.1)])
    assert checks.all() == [replace(CHECK, value=0.1)]


def test_who_asked_last_counts_for_the_whole_model_and_not_the_check_being_made(checks: Checks) -> None:
    assert checks.last_asked_at("ctr", before=AT) is None
    checks.store([CHECK, later(1, version="ctr:c2", kind="prediction"), later(2, asks=False), later(3, model="churn")])
    assert checks.last_asked_at("ctr", before=AT + timedelta(days=9)) == AT + timedelta(days=1)
    assert checks.last_asked_at("ctr", before=AT + timedelta(days=1)) == AT
