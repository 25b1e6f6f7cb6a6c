"""Which answers are wrongly routed: those of a version, a variant or profiles that were not there, or too long gone."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from infra.experiments import Experiment
from tests.benchmarks.serving.checked import judged
from tests.benchmarks.serving.witness import Said, Standing, Witness
from tests.load.questions import one_ad
from tests.load.traffic import Shown
from tests.small_state import open_door

NOW = datetime(2018, 1, 2)
TRIAL = Experiment(1, "ctr", "ctr:one", "ctr:two", "salt", 0.5, False, NOW, "why", None, None, ())
IN_TRIAL = next(str(n) for n in range(100) if TRIAL.variant(str(n))[0] == "challenger")
BESIDE = next(str(n) for n in range(100) if TRIAL.variant(str(n))[0] == "champion")
ONE = Said({"ctr": "ctr:one"}, {}, "monday")


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    """An experiment from second 10, the challenger champion from second 20, other profiles from second 30."""
    said = [
        ONE,
        replace(ONE, experiments={"ctr": TRIAL}),
        replace(ONE, champions={"ctr": "ctr:two"}),
        replace(ONE, champions={"ctr": "ctr:two"}, as_of="tuesday"),
    ]
    ends = [10.0, 20.0, 30.0, float("inf")]
    standings = [Standing(each, end - 10, end) for each, end in zip(said, ends, strict=True)]
    return Witness(open_door(tmp_path), [*standings[:-1], replace(standings[-1], since=30.0)])


def right(witness: Witness, second: float, customer_id: str, model: str, variant: str, as_of: str) -> float | None:
    """For how long what the answer came from had been replaced; None where it is wrong."""
    row: dict[str, Any] = {"prediction_id": "a-1", "model": model, "variant": variant, "is_known_customer": True}
    rows = [row | {"click_probability": 0.5}]
    answer = {"request_id": "r1", "as_of": as_of, "is_stale": False, "impressions": rows}
    question = one_ad(Shown(customer_id, "p1", None, None))
    wrong, lag = judged(question, 200, answer, witness, second, second + 0.01)
    return None if wrong else lag


def test_answers_follow_the_ledger(witness: Witness) -> None:
    assert right(witness, 5, IN_TRIAL, "ctr:one", "champion", "monday") == 0
    assert right(witness, 16, IN_TRIAL, "ctr:two", "challenger", "monday") == 0
    assert right(witness, 16, BESIDE, "ctr:one", "champion", "monday") == 0
    assert right(witness, 27, BESIDE, "ctr:two", "champion", "monday") == 0


def test_for_five_seconds_what_was_before_may_answer(witness: Witness) -> None:
    assert right(witness, 24.9, BESIDE, "ctr:one", "champion", "monday") == pytest.approx(4.9)
    assert right(witness, 25.1, BESIDE, "ctr:one", "champion", "monday") is None
    assert right(witness, 34.9, BESIDE, "ctr:two", "champion", "monday") == pytest.approx(4.9)
    assert right(witness, 35.1, BESIDE, "ctr:two", "champion", "monday") is None


def test_wrongly_routed_answers_are_found(witness: Witness) -> None:
    assert right(witness, 16, BESIDE, "ctr:two", "challenger", "monday") is None  # not this customer's variant
    assert right(witness, 16, IN_TRIAL, "ctr:two", "champion", "monday") is None  # not champion yet
    assert right(witness, 5, BESIDE, "ctr:one", "champion", "tuesday") is None  # profiles before they were published


def test_a_witness_sees_a_change_of_the_ledger(tmp_path: Path) -> None:
    from tests.small_state import build

    door = build(tmp_path)
    with Witness(door) as witness:
        assert [each.said.champions["segmentation"] for each in witness.standings] == ["segmentation:g1"]
        door.ledger.register("ctr:g1", "ctr", "g1", {"as_of": "2017-12-04"}, {}, NOW)
        import time

        deadline = time.monotonic() + 10
        while len(witness.standings) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    before, after = witness.standings
    assert (before.said.champions["ctr"], after.said.champions["ctr"]) == (None, "ctr:g1")
    assert after.since <= before.until
