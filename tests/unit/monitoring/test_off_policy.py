"""What another policy would have earned: on logs small enough to reckon, and on a world that is known."""

import numpy as np
import pandas as pd
import pytest

from monitoring.off_policy import doubly_robust, inverse_propensity

WHO = pd.Series([f"c{i}" for i in range(30)])


def test_worked_examples():
    """Half of the log earns 1 with an action that the new policy takes twice as often, the other half 0 otherwise."""
    reward = np.tile([1.0, 0.0], 15)
    logged, target = np.full(30, 0.5), np.tile([1.0, 0.0], 15)
    plain = inverse_propensity(WHO, reward, logged, target, normalised=False)
    assert plain.value == pytest.approx(1.0)  # half the rows weigh 2
    assert (plain.rows, plain.effective_rows, plain.clipped) == (30, pytest.approx(15), 0)
    assert plain.high - plain.low == pytest.approx(2 * 1.96 * np.sqrt(30 / 29 / 30), rel=1e-3)
    assert inverse_propensity(WHO, reward, logged, target).value == pytest.approx(1.0)
    model = doubly_robust(WHO, reward, logged, target, expected=reward * 0.8, expected_by_target=np.full(30, 0.8))
    assert model.value == pytest.approx(0.8 + 0.2)
    assert model.high - model.low < plain.high - plain.low


def test_the_same_policy_earns_what_was_earned():
    reward, p = np.random.default_rng(1).random(30), np.full(30, 0.3)
    for found in (inverse_propensity(WHO, reward, p, p), inverse_propensity(WHO, reward, p, p, normalised=False)):
        assert found.value == pytest.approx(reward.mean())
        assert found.effective_rows == pytest.approx(30)


def test_large_weights_are_cut_and_it_is_said():
    logged = np.where(np.arange(30) == 0, 0.01, 1.0)
    found = inverse_propensity(WHO, np.ones(30), logged, np.ones(30), normalised=False, max_weight=20)
    assert found.clipped == pytest.approx(1 / 30)
    assert found.value == pytest.approx((20 + 29) / 30)


def world(rng, customers=300):
    """Ten visits a customer, three actions; the log's policy is known, rewards hang on action and customer."""
    who = np.repeat(np.arange(customers), 10)
    taste = np.repeat(rng.normal(0, 0.1, customers), 10)
    propensities = np.array([0.6, 0.3, 0.1])
    action = rng.choice(3, len(who), p=propensities)
    expected = np.array([0.2, 0.3, 0.5])
    reward = expected[action] + taste + rng.normal(0, 0.2, len(who))
    target = np.array([0.1, 0.1, 0.8])
    return pd.Series(who), reward, propensities[action], target[action], expected[action], float(target @ expected)


def test_intervals_by_customer_hold_what_the_policy_earns():
    rng = np.random.default_rng(2)
    held = {"ips": 0, "normalised": 0, "doubly robust": 0}
    widths = dict.fromkeys(held, 0.0)
    for _ in range(200):
        who, reward, logged, target, expected, truth = world(rng)
        estimates = {
            "ips": inverse_propensity(who, reward, logged, target, normalised=False),
            "normalised": inverse_propensity(who, reward, logged, target),
            "doubly robust": doubly_robust(who, reward, logged, target, expected, np.full(len(who), truth)),
        }
        for name, found in estimates.items():
            held[name] += found.low <= truth <= found.high
            widths[name] += found.high - found.low
    assert all(0.9 <= count / 200 <= 0.99 for count in held.values()), held
    assert widths["doubly robust"] < widths["normalised"] < widths["ips"]


def test_a_doubly_robust_estimate_forgives_a_bad_model():
    who, reward, logged, target, _, truth = world(np.random.default_rng(3), 2_000)
    found = doubly_robust(who, reward, logged, target, np.zeros(len(who)), np.zeros(len(who)))
    assert found.low < truth < found.high


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"logged": np.r_[np.nan, np.full(29, 0.5)]}, "1 of 30 rows have no logged propensity"),
        ({"logged": np.r_[0.0, np.full(29, 0.5)]}, "a logged propensity lies in"),
        ({"logged": np.r_[1.1, np.full(29, 0.5)]}, "a logged propensity lies in"),
        ({"target": np.r_[np.nan, np.full(29, 0.5)]}, "under the new policy lies in"),
        ({"target": np.zeros(30)}, "takes none of the logged actions"),
        ({"reward": np.r_[np.nan, np.ones(29)]}, "a row has no reward"),
        ({"customer": pd.Series(["a"] * 30)}, "1 customers, 30 are the least"),
        ({"customer": WHO[:0], "reward": [], "logged": [], "target": []}, "no rows"),
    ],
)
def test_a_log_that_cannot_say_it_is_refused(change, message):
    given = {"customer": WHO, "reward": np.ones(30), "logged": np.full(30, 0.5), "target": np.full(30, 0.5)} | change
    with pytest.raises(ValueError, match=message):
        inverse_propensity(**given)


def test_a_model_that_expects_nothing_is_refused():
    half = np.full(30, 0.5)
    with pytest.raises(ValueError, match="no expected reward"):
        doubly_robust(WHO, half, half, half, np.full(30, np.nan), half)
