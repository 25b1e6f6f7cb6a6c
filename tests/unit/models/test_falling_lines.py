"""What ranks rows the wrong way round is never turned round by a line that falls."""

import numpy as np
import pytest
from scipy.special import expit

from models.calibration import Judged, Repair, choose_repair, refined_loss
from models.metrics import log_loss


def window(seed: int, slope: float) -> Judged:
    """Labels follow ``slope`` times what the model says."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(0, 1.5, 3_000)
    label = rng.random(3_000) < expit(-1 + slope * log_odds)
    return Judged(label, log_odds, np.ones(3_000), pivot=0.0)


def test_a_wrong_ranking_is_left_with_the_loss_of_the_base_rate():
    wrong = window(1, slope=-1.0)
    base_rate = np.full(3_000, wrong.label.mean())
    assert refined_loss(wrong) == pytest.approx(log_loss(wrong.label, base_rate)(wrong.weight))


def test_a_right_ranking_beats_a_wrong_one_however_strong_that_is():
    assert refined_loss(window(1, slope=0.5)) < refined_loss(window(1, slope=-0.5))


def test_no_repair_turns_a_ranking_round():
    assert choose_repair([window(seed, slope=-1.0) for seed in (1, 2, 3)]) == Repair()
