"""The gate: who may be tried on customers, told from rows that both versions scored."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.loop_contracts import PairedPredictions
from monitoring.gate import Cost, GateRule, judge_gate

CHEAP = Cost(row_ms=0.5, size_bytes=10_000)
LOG_LOSS = GateRule(loss="log_loss")


def world(customers: int = 400, rows_each: int = 5, seed: int = 1) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows with the true probability of each; customers differ, and live in two regions."""
    rng = np.random.default_rng(seed)
    customer = np.repeat(np.arange(customers), rows_each)
    log_odds = rng.normal(-1, 1, customers)[customer] + rng.normal(0, 0.5, len(customer))
    truth = 1 / (1 + np.exp(-log_odds))
    frame = pd.DataFrame(
        {
            "pseudonym": [f"p{c}" for c in customer],
            "weight": 1.0,
            "actual": (rng.random(len(customer)) < truth).astype(float),
            "region": np.where(customer % 2, "north", "south"),
            "age_band": "unknown",
        }
    )
    return frame, truth


def blurred(truth: np.ndarray, by: float, seed: int = 2) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, by, len(truth))
    return 1 / (1 + np.exp(-(np.log(truth / (1 - truth)) + noise)))


def judged(champion, candidate, frame, rule=LOG_LOSS, cost=CHEAP):
    rows = PairedPredictions.validate(frame.assign(champion=champion, candidate=candidate))
    return judge_gate(rows, ["region", "age_band"], cost, rule)


def failed(judgement) -> list[str]:
    assert judgement.passed == all(verdict.passed for verdict in judgement.verdicts)
    return [verdict.name for verdict in judgement.verdicts if not verdict.passed]


def test_a_better_candidate_passes_and_the_difference_is_told():
    frame, truth = world()
    found = judged(blurred(truth, 1.0), truth, frame)
    assert failed(found) == []
    assert found.candidate_loss < found.champion_loss
    assert found.difference.value == pytest.approx(found.candidate_loss - found.champion_loss)
    assert found.difference.low < found.difference.value < found.difference.high < 0
    assert "surely better" in found.reason
    assert "of 2, " in found.verdicts[2].reason  # two regions; nobody's age band is known
    assert (found.rows, found.customers) == (2_000, 400)


def test_a_worse_one_does_not():
    frame, truth = world()
    found = judged(truth, blurred(truth, 1.0), frame)
    assert "gate.loss" in failed(found)
    assert "not expected to be better" in found.reason


def test_one_that_says_the_same_is_not_better():
    frame, truth = world()
    found = judged(truth, truth, frame)
    assert failed(found) == ["gate.loss"]
    assert "says the same as the champion of every row" in found.reason


def test_what_may_be_much_worse_needs_more_rows():
    """Expected to be better, on so few customers that it may be much worse."""
    frame, truth = world(customers=30, rows_each=2)
    found = judged(blurred(truth, 1.5, 6), blurred(truth, 1.5, 7), frame)
    assert found.difference.value < 0
    assert failed(found) == ["gate.loss"]
    assert "may be worse by more than 2%" in found.reason


def test_where_no_experiment_can_prove_it_the_gate_has_to_be_sure():
    frame, truth = world()
    champion, candidate = blurred(truth, 0.30), blurred(truth, 0.28)
    easy = judged(champion, candidate, frame)
    assert easy.passed
    assert easy.difference.value < 0
    sure = judged(champion, candidate, frame, GateRule(loss="log_loss", must_be_sure=True))
    assert sure.passed == (sure.difference.high < 0)
    unsure = judged(
        *[blurred(truth, 0.3, seed) for seed in (5, 6)], frame, GateRule(loss="log_loss", must_be_sure=True)
    )
    assert "gate.loss" in failed(unsure)


def test_one_that_is_off_in_the_large_fails_unless_the_champion_is_farther_off():
    frame, truth = world(2_000)
    twice = np.clip(truth * 1.6, 0, 0.99)
    off = judged(blurred(truth, 3.0), twice, frame)
    assert failed(off) == ["gate.calibration"]
    assert "predicted ÷ observed 1.5" in off.reason
    nearer = judged(np.clip(truth * 2.5, 0, 0.99), twice, frame)
    assert failed(nearer) == []


def test_a_group_that_is_surely_worse_off_is_named():
    frame, truth = world()
    champion = blurred(truth, 1.5)
    north = (frame["region"] == "north").to_numpy()
    candidate = np.where(north, blurred(truth, 4.0, 9), truth)
    champion = np.where(north, truth, champion)
    champion[~north] = blurred(truth, 9.0)[~north]
    found = judged(champion, candidate, frame)
    assert failed(found) == ["gate.slices"]
    assert "region north is surely worse" in found.reason
    assert "unknown" not in found.reason


def test_one_of_many_groups_may_look_worse_by_chance():
    frame, truth = world(1_200, 2)
    groups = frame["pseudonym"].str[1:].astype(int) % 20
    found = judged(blurred(truth, 1.5, 9), blurred(truth, 1.2, 5), frame.assign(age_band=groups.astype(str)))
    slices = next(verdict for verdict in found.verdicts if verdict.name == "gate.slices")
    assert slices.value > 0.1
    assert slices.passed
    assert "of 22, age_band 9 comes nearest" in slices.reason  # two regions, and 20 age bands


@pytest.mark.parametrize(("cost", "name"), [(Cost(21, 1), "gate.latency"), (Cost(1, 200_000_001), "gate.size")])
def test_one_that_costs_too_much_fails_just_beyond_the_limit(cost, name):
    frame, truth = world()
    assert failed(judged(blurred(truth, 1.0), truth, frame, cost=cost)) == [name]
    at_the_limit = Cost(min(cost.row_ms, 20), min(cost.size_bytes, 200_000_000))
    assert failed(judged(blurred(truth, 1.0), truth, frame, cost=at_the_limit)) == []


def test_rows_stand_for_as_many_as_they_weigh():
    frame, truth = world(200)
    champion, candidate = blurred(truth, 1.0), blurred(truth, 0.2)
    weight = np.where(frame["actual"] > 0, 1.0, 3.0)
    weighed = judged(champion, candidate, frame.assign(weight=weight))
    repeated = frame.assign(champion=champion, candidate=candidate).loc[np.repeat(frame.index, weight.astype(int))]
    again = judge_gate(PairedPredictions.validate(repeated), ["region"], CHEAP, LOG_LOSS)
    assert weighed.difference.value == pytest.approx(again.difference.value)
    assert weighed.difference.high == pytest.approx(again.difference.high)


def test_squared_errors_are_of_amounts():
    frame, _ = world(300)
    spend = np.random.default_rng(3).gamma(2, 50, len(frame))
    noise = np.random.default_rng(4).normal(0, 30, (2, len(frame)))
    amounts = frame.assign(actual=spend)
    found = judged(spend + 2 * noise[0], spend + noise[1], amounts, GateRule(loss="squared_error"))
    assert found.champion_loss == pytest.approx(np.mean((2 * noise[0]) ** 2))
    assert found.passed


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_of_two_versions_at_most_one_passes(seed):
    frame, truth = world(60, 2, seed)
    one, other = blurred(truth, 0.4, seed + 1), blurred(truth, 0.4, seed + 2)
    rule = GateRule(loss="log_loss", resamples=20)
    assert not (judged(one, other, frame, rule).passed and judged(other, one, frame, rule).passed)


@pytest.mark.parametrize("factor", [1.0, 1.6])
def test_what_the_ledger_keeps_is_json(factor):
    frame, truth = world(2_000)
    plain = judged(np.clip(truth * 2.5, 0, 0.99), np.clip(truth * factor, 0, 0.99), frame).plain()
    assert json.loads(json.dumps(plain)) == plain
    assert set(plain["difference"]) == {"value", "low", "high"}
