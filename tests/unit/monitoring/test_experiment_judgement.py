"""What becomes of an experiment, on evidence one can read."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from outcome_examples import outcomes, panel

from infra.loop_contracts import PairedLosses
from monitoring.arms import Comparison
from monitoring.experiment import ExperimentRule, half_of, judge_experiment, judge_failures, judge_paired
from monitoring.paired import PairedComparison
from monitoring.sequential import planned_variance

RULE = ExperimentRule()
NO_FAILURES = (0, 1_000)


def clicks(champion, challenger, *, customers=(2_000, 2_000), units=10):
    """Customers of even units; every so many rewards in all, spread over them."""
    rows = []
    for variant, rewards, count in zip(("champion", "challenger"), (champion, challenger), customers, strict=True):
        shares = np.bincount(np.linspace(0, count - 1, rewards).astype(int), minlength=count) if count else []
        rows += [(f"{variant}{i}", 0, variant, units, float(reward)) for i, reward in enumerate(shares)]
    return outcomes(*rows)


def judged(frame, days=10.0, failures=NO_FAILURES, rule=RULE, shares=(0.5,), **guardrails):
    return judge_experiment({"click_rate": frame, **guardrails}, shares, failures, days, rule)


SAME, BETTER, WORSE = clicks(1_000, 1_010), clicks(1_000, 1_400), clicks(1_400, 1_000)


@pytest.mark.parametrize(
    ("frame", "days", "action"),
    [
        (SAME, 1, "go on"),
        (SAME, 27.9, "go on"),
        (SAME, 28, "reject"),
        (BETTER, 6.9, "go on"),
        (BETTER, 7, "promote"),
        (BETTER, 40, "promote"),
        (WORSE, 0.5, "stop for harm"),
        (WORSE, 40, "stop for harm"),
    ],
)
def test_evidence_and_time_decide(frame, days, action):
    assert judged(frame, days).action == action


def test_a_promotion_says_what_was_found():
    judgement = judged(BETTER)
    estimate = judgement.estimates["click_rate"]
    assert (estimate.champion, estimate.challenger, estimate.relative) == pytest.approx((0.05, 0.07, 0.4))
    assert estimate.customers == (2_000, 2_000)
    assert 0 < estimate.low < estimate.value < estimate.high
    assert judgement.reason == (
        "surely better: click_rate 0.07 against 0.05: +0.02 (+0.0153 to +0.0247 at all times together), +40.0%"
    )
    assert [verdict.name for verdict in judgement.verdicts] == [
        "experiment.failures",
        "experiment.sample_ratio",
        "experiment.click_rate",
    ]
    assert all(verdict.passed for verdict in judgement.verdicts)


def test_the_reasons_of_the_others_say_so_too():
    assert judged(BETTER, 2).reason.startswith("better so far, judged from day 7 on: click_rate 0.07")
    assert judged(WORSE, 2).reason.startswith("surely worse: click_rate 0.05 against 0.07: -0.02")
    assert judged(SAME, 30).reason.startswith(
        "no evidence that it is better after 30 days, 28 are the most: click_rate"
    )


@pytest.mark.parametrize(
    ("customers", "reason"),
    [
        ((2_000, 0), "the challenger answered 0 customers"),
        ((0, 2_000), "the champion answered 0 customers"),
        ((2_000, 99), "the challenger answered 99 customers"),
        ((0, 0), "the champion answered 0 customers"),
    ],
)
def test_too_few_customers_say_nothing(customers, reason):
    share = customers[1] / max(sum(customers), 1)
    frame = clicks(100 * bool(customers[0]), 100 * bool(customers[1]), customers=customers)
    early, late = judged(frame, 10, shares=(share,)), judged(frame, 28, shares=(share,))
    assert early.action == "go on"
    assert early.reason == f"nothing can be said yet: click_rate: {reason}, 100 are the least"
    assert early.estimates == {}
    assert (late.action, late.reason.endswith(early.reason)) == ("reject", True)


def test_as_many_customers_as_are_the_least_are_enough():
    assert judged(clicks(50, 60, customers=(100, 100))).estimates["click_rate"].customers == (100, 100)
    assert judge_paired(losses(0.05, customers=100), 10, RULE).estimates["loss"].customers == (100, 100)


def test_nobody_clicks_and_nothing_is_said():
    judgement = judged(clicks(0, 0))
    assert (judgement.action, judgement.estimates) == ("go on", {})
    assert judgement.reason == "nothing can be said yet: click_rate: no reward with either variant"


def test_customers_who_all_bring_the_same_say_nothing_of_chance():
    judgement = judged(clicks(200, 200, customers=(200, 200)))
    assert judgement.reason == "nothing can be said yet: click_rate: every customer brought the same"


def test_variants_that_never_answered_at_one_step_cannot_be_compared():
    rows = [(f"{v}{i}", step, v, 10, 1.0) for step, v in enumerate(("champion", "challenger")) for i in range(200)]
    judgement = judged(outcomes(*rows), shares=(0.0, 0.99999))
    assert judgement.reason == "nothing can be said yet: click_rate: no step has customers of both variants"


def test_a_challenger_that_fails_is_stopped_however_well_it_does():
    judgement = judged(BETTER, 0.1, failures=(5, 50))
    assert (judgement.action, judgement.reason) == ("stop for harm", "5 of 50 requests failed, 1.0% may")
    assert judged(BETTER, failures=(10, 1_000)).action == "promote"


@pytest.mark.parametrize(("failures", "passed"), [((0, 0), True), ((1, 1), True), ((2, 2), False), ((1, 100), True)])
def test_single_failures_are_forgiven(failures, passed):
    assert judge_failures(failures, RULE).passed is passed


def test_customers_who_were_not_dealt_as_they_should_be_end_it_whatever_was_measured():
    judgement = judged(BETTER, shares=(0.4,))
    assert judgement.action == "reject"
    assert judgement.reason == (
        "customers were not dealt as the shares say, nothing measured can be believed: "
        "step 1: 2,000 of 4,000 got the challenger, 40.0% were to"
    )


def revenue(challenger, customers=2_000, variation=1.0):
    """One unit a customer; the champion's bring 10 each, alternately more and less by ``variation``."""
    spread = np.where(np.arange(customers) % 2, variation, -variation)
    return outcomes(
        *((f"champion{i}", 0, "champion", 1, 10 + s) for i, s in enumerate(spread)),
        *((f"challenger{i}", 0, "challenger", 1, challenger + s) for i, s in enumerate(spread)),
    )


GUARDED = replace(RULE, guardrails=("revenue",))


@pytest.mark.parametrize(
    ("challenger", "days", "action"),
    [(10.0, 10, "promote"), (9.7, 10, "promote"), (9.0, 10, "stop for harm"), (9.0, 0.5, "stop for harm")],
)
def test_a_guardrail_stops_what_surely_loses_more_than_is_tolerated(challenger, days, action):
    judgement = judged(BETTER, days, rule=GUARDED, revenue=revenue(challenger))
    assert judgement.action == action
    assert set(judgement.estimates) == {"click_rate", "revenue"}
    broken = {v.name: v for v in judgement.verdicts}["experiment.revenue"]
    assert broken.passed is (action == "promote")
    assert broken.threshold == pytest.approx(-0.5)


def test_a_guardrail_that_may_be_broken_is_not_enough_to_stop():
    assert judged(BETTER, rule=GUARDED, revenue=revenue(9.0, variation=12.0)).action == "promote"


def test_a_guardrail_of_which_nothing_is_known_holds_the_promotion_back():
    early, late = (judged(BETTER, days, rule=GUARDED, revenue=revenue(10, customers=20)) for days in (10, 28))
    assert early.action == "go on"
    assert early.reason.endswith(
        "nothing can be said yet: revenue: the champion answered 20 customers, 100 are the least"
    )
    assert late.action == "reject"


def test_a_metric_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no outcomes of revenue"):
        judged(BETTER, rule=GUARDED)


def test_a_whole_ramp_with_what_came_before():
    """A lift of 30 % is found on customers who move from one variant to the other, and none where there is none."""
    rng = np.random.default_rng(1)
    found = judged(panel(rng, 3_000, lift=0.3), shares=(0.05, 0.2, 0.5))
    assert found.action == "promote"
    assert found.estimates["click_rate"].low < 0.03 < found.estimates["click_rate"].high
    assert judged(panel(rng, 3_000), shares=(0.05, 0.2, 0.5)).action == "go on"


# ── both versions score every row ─────────────────────────────────────────────────────────────


def losses(gain, noise=0.1, customers=500, seed=3):
    """Two rows a customer, whose differences vary together; the champion loses 0.5 a row."""
    rng = np.random.default_rng(seed)
    difference = np.repeat(rng.normal(-gain, noise, customers), 2)
    who = np.repeat([f"c{i}" for i in range(customers)], 2)
    frame = pd.DataFrame({"pseudonym": who, "weight": np.tile([1.0, 3.0], customers), "champion_loss": 0.5})
    return PairedLosses.validate(frame.assign(challenger_loss=0.5 + difference))


@pytest.mark.parametrize(
    ("gain", "days", "action"),
    [
        (0.05, 10, "promote"),
        (0.05, 5, "go on"),
        (-0.05, 1, "reject"),
        (0.0, 10, "go on"),
        (0.0, 28, "reject"),
    ],
)
def test_paired_losses_decide(gain, days, action):
    assert judge_paired(losses(gain), days, RULE).action == action


def test_the_mean_is_by_weight_and_the_interval_by_customer():
    """Rows of one customer repeat each other: as sure as one row each would be."""
    twice = losses(0.05)
    once = twice.drop_duplicates("pseudonym")
    found, alone = (judge_paired(frame, 10, RULE).estimates["loss"] for frame in (twice, once))
    assert (found.value, found.low, found.high) == pytest.approx((alone.value, alone.low, alone.high))
    assert (found.champion, found.customers) == (pytest.approx(0.5), (500, 500))
    assert found.challenger == pytest.approx(np.average(twice["challenger_loss"], weights=twice["weight"]))


def test_too_few_outcomes_and_the_same_predictions_say_nothing():
    few = judge_paired(losses(0.05, customers=99), 10, RULE)
    assert (few.action, few.estimates) == ("go on", {})
    assert few.reason == "nothing can be said yet: outcomes of 99 customers, 100 are the least"
    none = judge_paired(losses(0.05, customers=0), 30, RULE)
    assert none.action == "reject"
    same = judge_paired(losses(0.0, noise=0.0), 10, RULE)
    assert same.reason == "nothing can be said yet: both versions say the same of everybody"


@pytest.mark.parametrize(
    ("found", "field", "effect"),
    [
        (PairedComparison(0.0, 1.0, champion=0.5, customers=500), "expected_loss_gain", 0.005),
        (Comparison(0.0, 1.0, 0.04, 0.05, np.ones(1), (500, 500)), "expected_lift", 0.005),
    ],
)
def test_a_sequence_is_narrowest_for_what_its_experiment_is_to_find(found, field, effect):
    """A hundredth of a loss of 0.5, a tenth of a rate of 0.05: at the sample planned for that."""
    found = replace(found, variance=float(planned_variance(effect, RULE.alpha)))
    halves = [half_of(found, replace(RULE, **{field: factor * getattr(RULE, field)})) for factor in (0.9, 1, 1.1)]
    assert np.argmin(halves) == 1
