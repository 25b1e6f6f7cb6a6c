"""Were customers dealt as the shares say?"""

import numpy as np
import pytest
from outcome_examples import outcomes, panel

from monitoring.dealing import judge_dealing

SHARES = (0.05, 0.2, 0.5)


def judged(frame, shares=SHARES):
    return judge_dealing(frame, shares, alpha=0.01, max_strays=0.01)


def test_a_ramp_dealt_as_it_should_be_is_not_suspected():
    rng = np.random.default_rng(1)
    failed = [not judged(panel(rng, 300)).passed for _ in range(30)]
    assert sum(failed) <= 1


def test_a_share_that_is_not_what_it_should_be_is_found_and_named():
    frame = panel(np.random.default_rng(2), 1_500, (0.05, 0.2, 0.42))
    verdict = judged(frame)
    assert not verdict.passed
    assert verdict.name == "experiment.sample_ratio"
    assert verdict.reason.startswith("step 3: ")
    # of those whom the first shares left with the champion 0.22 / 0.8 moved, where 0.3 / 0.8 were to
    assert verdict.reason.endswith("got the challenger, 37.5% were to")


def test_lost_customers_of_one_variant_are_found():
    frame = panel(np.random.default_rng(3), 2_000, (0.5,))
    lost = frame[(frame["variant"] == "champion") | (np.arange(len(frame)) % 5 > 0)]
    assert judged(frame, (0.5,)).passed
    assert not judged(lost, (0.5,)).passed


def test_a_challenger_in_the_shadow_answers_nobody():
    assert judged(outcomes(*((f"c{i}", 0, "champion", 1, 0) for i in range(50))), (0.0, 0.05)).passed
    assert not judged(outcomes(("a", 0, "challenger", 1, 0)), (0.0, 0.05)).passed


MOVED = {f"c{i}" for i in range(24)}


def test_customers_moved_back_to_the_champion_are_found():
    steady = [(f"c{i}", step, "challenger", 1, 0) for i in range(500) for step in (0, 1)]
    rest = [(f"d{i}", step, "champion", 1, 0) for i in range(500) for step in (0, 1)]
    assert judged(outcomes(*steady, *rest), (0.5, 0.5)).passed
    moved = [(who, step, "champion" if step and who in MOVED else has, u, r) for who, step, has, u, r in steady]
    verdict = judged(outcomes(*moved, *rest), (0.5, 0.5))
    assert not verdict.passed
    assert verdict.reason == "24 of 500 customers of the challenger were moved back to the champion"


def test_a_step_left_out_is_dealt_from_the_last_one_seen():
    """Seen at the first and third step only: 0.45 / 0.95 of the champion's move."""
    frame = panel(np.random.default_rng(4), 2_000)
    assert judged(frame[frame["step"] != 1]).passed


def test_no_customers_say_nothing_and_a_step_without_a_share_is_refused():
    verdict = judged(outcomes())
    assert verdict.passed
    assert verdict.reason == "nothing can be said yet: no customers"
    with pytest.raises(ValueError, match="outcomes of step 3, and 3 steps have a share"):
        judged(outcomes(("a", 3, "champion", 1, 0)))
