"""Arms compared on examples one can reckon, and beside slow oracles: loops, a jackknife, dealing again and again."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outcome_examples import outcomes, panel

from monitoring.arms import arm_rows, compare_arms, customers_of

steady = settings(deadline=None, derandomize=True, database=None, max_examples=15)


def compared(frame):
    found = compare_arms(arm_rows(frame))
    assert found is not None
    return found


# GrowthBook's gbstats 0.8.0 on the same customers, computed once in an environment of its own (see test_sequential):
# RatioStatistic of each arm, difference_type="absolute": point estimate 0.05, variance 0.0037716666666666667.
CHAMPION = [(10, 1), (4, 0), (20, 3), (6, 1), (12, 0), (8, 1)]
CHALLENGER = [(8, 2), (5, 1), (18, 1), (9, 2), (10, 3), (10, 0)]


def test_one_step_is_the_delta_method_of_gbstats():
    """6 rewards of 60 units against 9 of 60."""
    champion = [(f"a{i}", 0, "champion", *row) for i, row in enumerate(CHAMPION)]
    challenger = [(f"b{i}", 0, "challenger", *row) for i, row in enumerate(CHALLENGER)]
    found = compared(outcomes(*champion, *challenger))
    assert found.difference == pytest.approx(0.05)
    assert found.variance == pytest.approx(0.0037716666666666667)
    assert (found.champion, found.rate, found.customers) == (pytest.approx(0.1), pytest.approx(0.125), (6, 6))


def test_steps_are_compared_within_and_weighed_by_the_units_of_both():
    """The later step is richer for everybody; mixing the steps would call the challenger better by half.

    Weights 10 · 90 / 100 = 9 and 50 · 50 / 100 = 25; no difference at the first step, 0.08 at the second.
    """
    found = compared(
        outcomes(
            ("a", 0, "champion", 60, 6), ("b", 0, "champion", 30, 3), ("c", 0, "challenger", 10, 1),
            ("a", 1, "champion", 50, 10), ("b", 1, "challenger", 25, 9), ("c", 1, "challenger", 25, 5),
        )
    )  # fmt: skip
    assert found.weights == pytest.approx([9 / 34, 25 / 34])
    assert found.difference == pytest.approx(0.08 * 25 / 34)
    assert found.champion == pytest.approx((0.1 * 9 + 0.2 * 25) / 34)
    assert found.customers == (2, 2)


def by_loops(frame):
    """The slow oracle: step by step, with what came before taken off by one slope a step."""
    total = weight = 0.0
    for _, step in frame.groupby("step"):
        arms = [step[step["variant"] == name] for name in ("champion", "challenger")]
        units = [arm["units"].sum() for arm in arms]
        if min(units) == 0:
            continue
        common = step["reward"].sum() / step["units"].sum()
        common_before = step["before_reward"].sum() / step["before_units"].sum()
        slope = np.polynomial.polynomial.polyfit(
            (step["before_reward"] - common_before * step["before_units"]).to_numpy(dtype=float),
            (step["reward"] - common * step["units"]).to_numpy(dtype=float),
            [1],
        )[1]
        w = units[0] * units[1] / sum(units)
        before_units = [arm["before_units"].sum() for arm in arms]
        w_before = before_units[0] * before_units[1] / sum(before_units)
        now = arms[1]["reward"].sum() / units[1] - arms[0]["reward"].sum() / units[0]
        before = arms[1]["before_reward"].sum() / before_units[1] - arms[0]["before_reward"].sum() / before_units[0]
        total, weight = total + w * now - slope * w_before * before, weight + w
    return total / weight


def test_the_difference_is_that_of_loops():
    frame = panel(np.random.default_rng(1))
    frame = frame[(frame["units"] > 0)]
    assert compared(frame).difference == pytest.approx(by_loops(frame), rel=1e-9)


@pytest.mark.parametrize("is_known_before", [False, True])
def test_the_variance_is_that_of_leaving_out_one_customer_after_another(is_known_before):
    """Customers are at up to three steps and change variant on the way."""
    frame = panel(np.random.default_rng(2), 100, (0.3, 0.6), is_known_before=is_known_before)
    customers = frame["pseudonym"].unique()
    left_out = np.array([compared(frame[frame["pseudonym"] != who]).difference for who in customers])
    jackknife = (len(customers) - 1) / len(customers) * ((left_out - left_out.mean()) ** 2).sum()
    assert compared(frame).variance == pytest.approx(jackknife, rel=0.1)


def dealt_again(rows, rng, shares):
    place = rng.random(rows.customer.max() + 1)
    return replace(rows, is_challenger=place[rows.customer] < np.array(shares)[rows.step])


@pytest.mark.parametrize("is_known_before", [False, True])
def test_the_variance_is_that_of_dealing_the_same_customers_again_and_again(is_known_before):
    rng, shares = np.random.default_rng(3), (0.1, 0.3)
    rows = arm_rows(panel(rng, 500, shares, is_known_before=is_known_before))
    found = [compare_arms(dealt_again(rows, rng, shares)) for _ in range(1_000)]
    differences = np.array([one.difference for one in found])
    assert abs(differences.mean()) < 4 * differences.std() / np.sqrt(len(found))
    assert np.mean([one.variance for one in found]) == pytest.approx(differences.var(), rel=0.15)


def test_what_came_before_makes_it_surer_and_moves_nothing():
    rng = np.random.default_rng(4)
    frames = [panel(rng, 400, (0.5,), lift=0.3, units=40) for _ in range(25)]
    with_before = [compared(frame) for frame in frames]
    without = [compared(frame.assign(before_units=np.nan, before_reward=np.nan)) for frame in frames]
    assert np.mean([one.variance for one in with_before]) < 0.7 * np.mean([one.variance for one in without])
    assert np.mean([one.difference for one in with_before]) == pytest.approx(0.03, abs=0.005)
    assert np.mean([one.difference for one in without]) == pytest.approx(0.03, abs=0.008)


def test_customers_who_were_not_there_before_are_taken_as_they_are():
    frame = panel(np.random.default_rng(5))
    is_new = frame["pseudonym"] > "c00200"
    partly = frame.assign(**{name: frame[name].where(~is_new) for name in ("before_units", "before_reward")})
    none, some, all_ = (
        compared(one).variance for one in (frame.assign(before_units=np.nan, before_reward=np.nan), partly, frame)
    )
    assert all_ < some < none


def test_a_small_arm_without_a_reward_does_not_know_how_sure_it_is():
    """None of 100 against 5 % of 1,900: without pooling the arm would seem to have no variance at all."""
    champion = [(f"a{i}", 0, "champion", 1, float(i % 20 == 0)) for i in range(1_900)]
    found = compared(outcomes(*champion, *((f"b{i}", 0, "challenger", 1, 0.0) for i in range(100))))
    assert found.difference == pytest.approx(-0.05)
    assert found.variance == pytest.approx(0.0475 * 0.9525 * (1 / 100 + 1 / 1_900), rel=0.01)


def test_what_dealing_again_would_do_is_reckoned_over_the_steps():
    """The challenger's few customers clicked at neither step, others did at both: the arm itself seems to be sure."""
    rng, shares, customers = np.random.default_rng(8), (0.04, 0.08), 1_000
    place = np.arange(customers) / customers
    click = np.where(place > 0.08, rng.random(customers) < 0.1, False).astype(float)
    frame = outcomes(
        *(
            (f"c{i}", step, "challenger" if place[i] < share else "champion", 1.0, click[i])
            for step, share in enumerate(shares)
            for i in range(customers)
        )
    )
    rows = arm_rows(frame)
    again = np.array([compare_arms(dealt_again(rows, rng, shares)).difference for _ in range(1_500)])
    assert compared(frame).variance == pytest.approx(again.var(), rel=0.1)


def test_steps_with_one_variant_say_nothing():
    assert compare_arms(arm_rows(outcomes(("a", 0, "champion", 5, 1), ("b", 1, "challenger", 5, 1)))) is None
    assert compare_arms(arm_rows(outcomes())) is None
    frame = panel(np.random.default_rng(6), 100, (0.5,))
    alone = outcomes(*((f"d{i}", 1, "champion", 9, 5) for i in range(50)))
    more, before = compared(pd.concat([frame, alone])), compared(frame)
    assert (more.difference, more.variance) == pytest.approx((before.difference, before.variance))
    assert more.customers == before.customers


def test_the_shadow_before_the_ramp_changes_nothing():
    frame = panel(np.random.default_rng(6), 100, (0.5,))
    shadow = frame.assign(variant="champion", reward=frame["reward"] + 3)
    found = compared(pd.concat([shadow, frame.assign(step=2)]))
    before = compared(frame)
    assert (found.difference, found.variance) == pytest.approx((before.difference, before.variance))
    assert found.weights == pytest.approx([0, 0, 1])


def test_customers_are_counted_once_for_each_variant_they_had():
    rows = arm_rows(
        outcomes(
            ("a", 0, "champion", 1, 0), ("a", 1, "challenger", 1, 0), ("b", 0, "champion", 1, 0),
            ("b", 1, "champion", 1, 0), ("c", 0, "challenger", 0, 0),
        )
    )  # fmt: skip
    assert customers_of(rows) == (2, 1)


@steady
@given(st.integers(0, 10**6), st.floats(0.01, 1_000), st.floats(-5, 5))
def test_order_unit_and_level_of_the_metric_change_nothing_else(seed, factor, level):
    frame = panel(np.random.default_rng(seed), 60, (0.3, 0.6))
    base = compared(frame)
    shuffled = compared(frame.sample(frac=1, random_state=seed))
    scaled = compared(frame.assign(reward=frame["reward"] * factor))
    raised = compared(frame.assign(reward=frame["reward"] + level * frame["units"]))
    assert (shuffled.difference, shuffled.variance) == pytest.approx((base.difference, base.variance))
    assert (scaled.difference / factor, scaled.variance / factor**2) == pytest.approx((base.difference, base.variance))
    assert (raised.difference, raised.variance) == pytest.approx((base.difference, base.variance), rel=1e-6, abs=1e-12)
    swapped = frame[frame["step"] == 0].assign(
        variant=lambda f: f["variant"].map({"champion": "challenger", "challenger": "champion"})
    )
    once, other = compared(frame[frame["step"] == 0]), compared(swapped)
    assert (other.difference, other.variance) == pytest.approx((-once.difference, once.variance))
