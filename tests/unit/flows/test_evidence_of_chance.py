"""Before anybody gets the challenger's choices: what they would have brought stands in the evaluation, where it can."""

from datetime import timedelta

import orjson
import pytest

from flows.context import Door, simulated
from flows.evaluate import evaluate_all
from flows.promote import start_experiment
from infra.evaluations import Evaluations
from infra.outcomes import Outcome, Outcomes
from tests.unit.flows.loop_examples import NOW, cycle_of, version, with_settings
from tests.unit.infra.prediction_examples import ROW


@pytest.fixture
def tried(door: Door) -> tuple[Door, tuple[str, str]]:
    """A challenger in its shadow, which lasts."""
    with simulated(NOW):
        door = with_settings(door, shadow_days=10)
        tags = version(cycle_of(door, "2017-12-04"), "ctr"), version(cycle_of(door, "2017-12-11"), "ctr")
        start_experiment(door, tags[1], None, "passed its gate")
    return door, tags


def visits(tried: tuple[Door, tuple[str, str]], customers: int, *, says_chance: bool = True) -> None:
    """Four requests of each about the ads a and b, of which the champion ranks a first and the challenger b.

    Three are shown a, with a chance of 0.75, of which one is clicked; one is shown b (0.25), which every other clicks.
    """
    door, tags = tried
    rows, reports = [], []
    for number in range(4 * customers):
        at, turn = NOW + timedelta(seconds=number + 1), number % 4
        for ad, values in (("a", (0.5, 0.1)), ("b", (0.2, 0.3))):
            row = ROW._replace(
                prediction_id=f"{ad}{number}",
                request_id=f"r{number}",
                pseudonym=f"c{number // 4}",
                predicted_at=f"{at.isoformat()}Z",
                propensity=1.0,
            )._asdict()
            for variant, tag, value in zip(("champion", "challenger"), tags, values, strict=True):
                said = {"variant": variant, "version": tag, "value": value, "is_answered": variant == "champion"}
                rows.append(row | said)
        id_, chance = (f"b{number}", 0.25) if turn == 3 else (f"a{number}", 0.75)
        reports.append(Outcome(f"view {number}", id_, "shown", at, None, "key", chance if says_chance else None))
        if turn == 0 or number % 8 == 3:
            reports.append(Outcome(f"click {number}", id_, "clicked", at + timedelta(seconds=30), None, "key"))
    (door.state.predictions / "1.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    kept = Outcomes(door.state.outcomes)
    kept.report(reports, NOW + timedelta(hours=1))
    kept.close()


def looked_at(tried: tuple[Door, tuple[str, str]], days: float) -> tuple[str, list[str]]:
    """The action, and what is noted of choices by chance."""
    with simulated(NOW + timedelta(days=days)):
        (found,) = evaluate_all(tried[0])["experiments"]
    return found["action"], [note for note in found["notes"] if note.startswith("off-policy")]


def test_both_estimates_of_both_versions_stand_in_the_evaluation_and_decide_nothing(tried) -> None:
    visits(tried, 40)
    action, (note,) = looked_at(tried, 2)
    assert action == "stay"
    # b was shown a quarter of the times and clicked half of these; as expected, 0.2, and 4 × (0.5 - 0.2) in four more
    assert "what the challenger ranks first would have brought 0.5 (0.343 to 0.657) clicks a request by inverse" in note
    assert "(self-normalised) and 0.5 (0.343 to 0.657) doubly robust" in note
    # a was clicked one time in three by everybody alike; expected 0.5, and (1 - 3 × 0.5) / 0.75 in four less
    assert "what the champion ranks first 0.333 (0.333 to 0.333) and 0.333 (0.333 to 0.333)" in note
    assert "from 160 requests of 40 customers, worth 40 and 120 rows of its own, weights cut in 0.0% and 0.0%" in note
    assert note.endswith("with the chance that was reported; 160 of 160 requests with a reported chance count")
    assert note in Evaluations(tried[0].ledger).of(1)[-1].notes


def test_the_shadow_is_still_told_of_when_it_is_over(tried) -> None:
    visits(tried, 40)
    assert looked_at(tried, 10.5)[0] == "raise"
    assert "160 of 160 requests" in looked_at(tried, 11)[1][0]


def test_without_chances_nothing_is_said_of_them(tried) -> None:
    visits(tried, 40, says_chance=False)
    assert looked_at(tried, 2) == ("stay", [])


def test_where_nothing_can_be_told_it_is_said_why(tried) -> None:
    visits(tried, 29)
    action, (soon,) = looked_at(tried, 0.5)
    assert action == "stay"
    assert (
        "(no rows: the log says nothing); 0 of 116 requests with a reported chance count; left out: 116 whose" in soon
    )
    assert (
        "(29 customers, 30 are the least that an interval can be told from); 116 of 116 requests"
        in looked_at(tried, 2)[1][0]
    )
