"""When alarms are enough: k of n on new evidence, hysteresis, cool-down, never on poor data."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.trigger import Check, Decision, TriggerRule, decide

START = datetime(2017, 6, 4)
ALARM, CLEAR = 10.0, 5.0


def history(values: str, days: float = 7) -> list[Check]:
    """``!`` is an alarm, ``~`` lies between, ``.`` is quiet, ``x`` an alarm on poor data; a week apart."""
    found = {"!": 12.0, "~": 7.0, ".": 1.0, "x": 12.0}
    return [
        Check(
            checked_at=START + timedelta(days=days * n),
            evidence_until=START + timedelta(days=days * n),
            value=found[value],
            alarm=ALARM,
            clear=CLEAR,
            why_not="data quality fails" if value == "x" else None,
        )
        for n, value in enumerate(values)
    ]


def told(values: str, asked: int | None = None, days: float = 7, **rule: float) -> Decision:
    last = None if asked is None else START + timedelta(days=days * asked)
    return decide(history(values, days), last, TriggerRule(**rule))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "is_on"),
    [
        ("", False),
        ("!", False),
        ("!!", True),
        ("!.!", True),
        ("!..!", False),  # three checks back is forgotten
        ("!!~", True),  # not clearly quiet: it stays on
        ("!!~~~", True),
        ("!!.", False),
        ("!!.!", False),  # what lay before the quiet one is over
        ("!!.!!", True),
        ("!x", False),
        ("!x!", True),  # poor data counts neither way
        ("xx", False),
        ("!!x", True),
    ],
)
def test_it_is_on_from_two_alarms_of_three_until_it_is_clearly_quiet(values: str, is_on: bool) -> None:
    assert told(values).is_on == is_on


def test_it_asks_once_and_again_after_the_cool_down() -> None:
    assert told("!!").asks
    resting = told("!!!!", asked=1)
    assert (resting.is_on, resting.asks) == (True, False)
    assert resting.reason == "3 alarms in the last 3 checks that count; asked on 2017-06-11, rests until 2017-07-09"
    assert told("!!!!!", asked=1).is_on
    assert not told("!!!!!", asked=1, cooldown_days=29).asks
    assert told("!!!!!!", asked=1, cooldown_days=28).asks


def test_poor_data_never_asks() -> None:
    decision = told("!!x")
    assert not decision.asks
    assert decision.reason == "this check does not count: data quality fails; 2 alarms in the last 2 checks that count"


def test_the_same_evidence_looked_at_daily_is_one_check() -> None:
    assert not told("!" * 7, days=1).is_on
    assert told("!" * 8, days=1).is_on
    assert told("!!", days=1, new_evidence_days=1).is_on


@given(st.text("!~.x", max_size=12), st.integers(1, 3))
def test_it_never_asks_without_enough_alarms(values: str, alarms: int) -> None:
    decision = told(values, alarms=alarms)
    if values.count("!") < alarms or values.endswith("x") or not values:
        assert not decision.asks
    if decision.asks:
        assert decision.is_on
