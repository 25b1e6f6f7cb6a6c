"""Policies on the same rows: the sign is right whichever way it goes, and customers are drawn whole."""

import numpy as np
import pandas as pd
from visit_examples import visits

from models.replay.policies import by_block, gains, ratio_gain


def verdicts(loss: dict[str, float]) -> dict[tuple[str, str], str]:
    return {(gain.measure, gain.over): gain.verdict for gain in gains(visits(loss), seed=1)}


def test_whatever_the_sign() -> None:
    told = verdicts({"loop": 0.5, "never": 1.0, "always": 0.2})
    assert told["log-loss", "never"] == "the loop is better"
    assert told["log-loss", "always"] == "the loop is worse"
    assert told["taken of ten picks a visit", "never"] == "the loop is better"
    assert told["taken of ten picks a visit", "always"] == "the loop is worse"


def test_no_difference_is_no_difference() -> None:
    assert set(verdicts({"loop": 0.5, "never": 0.5, "always": 0.5}).values()) == {"no difference is sure"}


def test_the_same_answers_are_no_difference_at_all() -> None:
    frame = visits({"loop": 0.5, "never": 1.0, "always": 0.2})
    for column in ("loss", "reward", "average"):
        frame[f"{column}_never"] = frame[f"{column}_loop"]
    same = [gain for gain in gains(frame, seed=1) if gain.over == "never"]
    assert {gain.verdict for gain in same} == {"the same"}
    assert {gain.difference.value for gain in same} == {0.0}


def test_of_one_customer_nothing_is_sure_however_many_visits_there_are() -> None:
    """Resampling visits instead of customers would be sure of it."""
    one = np.ones(1000)
    others = pd.Series(["a"] * 990 + list("bcdefghijk"))
    lucky = np.array([1.0] * 990 + [0.0] * 5 + [1.5] * 5)
    gain = ratio_gain("reward", "never", others, (lucky, one * 0.9), one, "up", seed=1)
    assert gain.customers == 11
    assert gain.difference.low is not None
    assert gain.difference.low < 0 < gain.difference.value


def test_a_row_a_block() -> None:
    frame = by_block(visits({"loop": 0.5, "never": 1.0, "always": 0.2}))
    assert frame["block"].tolist() == [0, 1, 2, 3, 4]
    assert frame["visits"].tolist() == [200] * 5
    assert (frame["loss_loop"] < frame["loss_never"]).all()


def test_without_visits_there_is_nothing_to_compare() -> None:
    assert gains(pd.DataFrame(), seed=1) == []
    assert by_block(pd.DataFrame()).empty
