"""What earlier windows choose: rounds, the share of the trees, the ridge penalty, and the repair."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from models.backtest import Rehearsal
from models.calibration import refined_loss
from models.propensity import Candidates, Params, choose

DEFAULT = Params(rounds=30, boosting_share=1.0, inverse_penalty=0.1)
SHARES = (0.0, 0.5, 1.0)


def window(
    rounds: int = 20,
    share: float = 0.5,
    penalty: float = 0.1,
    seed: int = 1,
    level: float = 0.0,
    offered: tuple[int, ...] = (10, 20, 30),
) -> Rehearsal:
    """A window in which the choice named tells the truth: all others are blurred versions of its parts.

    The truth is ``share`` × what the trees see + (1 - share) × what the regression sees, and ``level``.
    """
    rng = np.random.default_rng(seed)
    seen, also_seen = rng.normal(0, 2, (2, 8_000))
    label = rng.random(8_000) < expit(level + share * seen + (1 - share) * also_seen)

    def blurred(values: np.ndarray, blur: bool) -> np.ndarray:
        return values + blur * rng.normal(0, 1.5, 8_000)

    return Rehearsal(
        {},
        Candidates(
            label,
            np.ones(8_000),
            {candidate: blurred(seen, candidate != rounds) for candidate in offered},
            {candidate: blurred(also_seen, candidate != penalty) for candidate in (0.01, 0.1, 1.0)},
            SHARES,
            0.0,
        ),
    )


@pytest.mark.parametrize("rounds", [10, 20, 30])
@pytest.mark.parametrize("penalty", [0.01, 0.1, 1.0])
def test_the_planted_choice_is_found(rounds, penalty):
    chosen = choose([window(rounds, 0.5, penalty, seed) for seed in (1, 2)], DEFAULT)
    assert (chosen.rounds, chosen.boosting_share, chosen.inverse_penalty) == (rounds, 0.5, penalty)
    assert chosen == replace(DEFAULT, rounds=rounds, boosting_share=0.5, inverse_penalty=penalty, repair=chosen.repair)


def test_one_part_alone_is_chosen_where_the_other_has_nothing_to_add():
    trees, line = (choose([window(share=share)], DEFAULT) for share in (1.0, 0.0))
    assert (trees.rounds, trees.boosting_share) == (20, 1.0)
    assert (line.inverse_penalty, line.boosting_share) == (0.1, 0.0)


def test_windows_count_alike_by_their_mean_loss():
    """The second window prefers 30 rounds, though not as much as two others prefer 10."""
    chosen = choose([window(10, seed=1), window(30, seed=2), window(10, seed=3)], DEFAULT)
    assert chosen.rounds == 10


def test_only_what_every_window_offers_can_be_chosen():
    chosen = choose([window(20, seed=1), window(20, seed=2, offered=(10, 30))], DEFAULT)
    assert chosen.rounds in (10, 30)


def test_without_windows_nothing_is_chosen():
    assert choose([], DEFAULT) is DEFAULT


def test_what_has_no_say_is_not_gone_through():
    """With the share of the trees 0 rounds do not matter, with 1 the penalty does not: 3 × 3 + 3 + 3 choices."""
    evidence = window().evidence
    losses = evidence.losses()
    assert list(losses.index.names) == ["rounds", "boosting_share", "inverse_penalty"]
    assert losses.groupby("boosting_share").size().to_dict() == {0.0: 3, 0.5: 9, 1.0: 3}
    assert losses[20, 0.5, 1.0] == refined_loss(
        evidence.judged(replace(DEFAULT, rounds=20, boosting_share=0.5, inverse_penalty=1.0))
    )


def test_choices_do_not_answer_for_levels():
    """Every window holds more than the model says: the choice is the same, and so are the log-odds."""
    lifted = choose([window(level=1.0, seed=seed) for seed in (1, 2, 3)], DEFAULT)
    assert (lifted.rounds, lifted.boosting_share, lifted.inverse_penalty) == (20, 0.5, 0.1)
    assert lifted.repair.slope == pytest.approx(1.0, abs=0.1)


def test_weights_decide():
    """Of two kinds of rows those that stand for more others."""
    ten, thirty = window(10, seed=1).evidence, window(30, seed=2).evidence
    for heavy, rounds in ((100.0, 10), (0.01, 30)):
        both = Candidates(
            np.concatenate([ten.label, thirty.label]),
            np.repeat([heavy, 1.0], 8_000),
            {r: np.concatenate([ten.boosted[r], thirty.boosted[r]]) for r in ten.boosted},
            {c: np.concatenate([ten.linear[c], thirty.linear[c]]) for c in ten.linear},
            SHARES,
            0.0,
        )
        assert choose([Rehearsal({}, both)], DEFAULT).rounds == rounds
