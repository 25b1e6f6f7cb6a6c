"""Performance on late labels: what is ordinary is learned, what changed its meaning is found where it did."""

import numpy as np
import pandas as pd
import pytest

from monitoring.ordinary import OrdinaryRule, Periods
from monitoring.performance import Ordinary, judge_performance, learn_performance

RULE = OrdinaryRule(resamples=200, seed=5)
WEEKS, CUSTOMERS, ROWS = 16, 80, 6
PARTS = np.array(["dairy", "meat", "sweets"])


def rows(weeks: int, seed: int, kept: float = 1.0) -> tuple[pd.DataFrame, np.ndarray]:
    """Calibrated predictions of clicks in three departments; of the unclicked a share is kept, and weighs the more."""
    rng = np.random.default_rng(seed)
    count = weeks * CUSTOMERS * ROWS
    customer = np.tile(np.repeat(np.arange(CUSTOMERS), ROWS), weeks)
    part = rng.integers(0, 3, count)
    probability = 1 / (1 + np.exp(-(rng.normal(0, 1.5, count) - 1.5 + 0.5 * part)))
    clicked = rng.random(count) < probability
    is_kept = clicked | (rng.random(count) < kept)
    frame = pd.DataFrame(
        {
            "pseudonym": pd.Series(customer).map("p{:02d}".format),
            "actual": clicked.astype(float),
            "predicted": probability,
            "weight": np.where(clicked, 1.0, 1 / kept),
            "part": PARTS[part],
        }
    )[is_kept].reset_index(drop=True)
    return frame, np.repeat(np.arange(weeks), CUSTOMERS * ROWS)[is_kept]


def learned(kept: float = 1.0) -> Ordinary:
    past, week = rows(WEEKS, 1, kept)
    periods = Periods.of(pd.Series(week), past["pseudonym"], length=2)
    found = learn_performance(past, rows(2, 2, kept)[0], periods, RULE)
    assert found is not None
    return found


def judge(frame: pd.DataFrame, usual: Ordinary | None, evaluated=None):
    return judge_performance("performance.ctr", frame, usual, evaluated or {}, resamples=50)


def dealt(frame: pd.DataFrame, part: str) -> pd.DataFrame:
    """The labels of one department fall on others of its rows."""
    is_part = frame["part"] == part
    labels = frame.loc[is_part, ["actual", "weight"]].sample(frac=1, random_state=3).to_numpy()
    changed = frame.copy()
    changed.loc[is_part, ["actual", "weight"]] = labels
    return changed


@pytest.mark.parametrize("kept", [1.0, 0.2])
def test_an_ordinary_period_passes_and_labels_dealt_anew_are_found_where_they_are(kept: float) -> None:
    usual, (later, _) = learned(kept), rows(2, 3, kept)
    assert set(usual.slices) == {f"{m} of {s}" for m in ("loss", "ranking") for s in ("all", *PARTS)}
    assert judge(later, usual).verdict.passed
    found = judge(dealt(later, "meat"), usual)
    assert not found.verdict.passed
    assert found.slices.index[0].endswith("of meat")
    assert found.verdict.reason.startswith(f"{found.slices.index[0]}: ")


def test_predictions_that_are_right_have_no_loss_beyond_the_expected_also_in_a_sample() -> None:
    """Rows sampled by their label: the loss is judged in the sample, and is 0 on average there as well."""
    for kept in (1.0, 0.2):
        assert abs(learned(kept).slices["loss of all"][0]) < 0.05


def test_metrics_are_told_with_intervals_beside_the_evaluated_ones() -> None:
    later, _ = rows(2, 3)
    found = judge(later, learned(), {"auc": {"value": 0.8}})
    assert set(found.metrics) == {"prediction_ratio", "log_loss", "auc"}
    auc = found.metrics["auc"]
    assert auc.low is not None
    assert auc.low < auc.value < auc.high
    assert ", 0.8 when evaluated" in found.verdict.reason


def test_without_learned_thresholds_predicted_over_observed_is_held_against_a_convention() -> None:
    later, _ = rows(2, 3)
    fine, double = judge(later, None), judge(later.assign(predicted=(later["predicted"] * 2).clip(upper=1)), None)
    assert fine.verdict.passed
    assert not double.verdict.passed
    assert "1.1 is a convention" in double.verdict.reason
    assert judge(later, None, {"prediction_ratio": {"value": 1.0}}).verdict.passed


def test_amounts_are_judged_by_their_error() -> None:
    rng = np.random.default_rng(4)
    count = WEEKS * CUSTOMERS
    spent = rng.lognormal(4, 1, count)
    frame = pd.DataFrame(
        {
            "pseudonym": np.tile([f"p{i}" for i in range(CUSTOMERS)], WEEKS),
            "actual": spent,
            "predicted": spent * rng.lognormal(0, 0.2, count),
            "weight": 1.0,
            "part": None,
        }
    )
    periods = Periods.of(pd.Series(np.repeat(np.arange(WEEKS), CUSTOMERS)), frame["pseudonym"], length=1)
    usual = learn_performance(frame, frame.tail(CUSTOMERS), periods, RULE)
    assert usual is not None
    assert judge(frame.head(CUSTOMERS), usual).verdict.passed
    assert not judge(frame.head(CUSTOMERS).assign(predicted=frame["predicted"] * 2), usual).verdict.passed


def clicks_of(number: int, rows: int = 50_000, predicted: float = 0.05, customers: int = 2_000) -> pd.DataFrame:
    """So many clicks among rows of which each was said to be clicked with that probability."""
    return pd.DataFrame(
        {
            "pseudonym": [f"p{n % customers}" for n in range(rows)],
            "actual": (np.arange(rows) < number).astype(float),
            "predicted": predicted * np.linspace(0.9, 1.1, rows),
            "weight": 1.0,
            "part": "meat",
        }
    )


@pytest.mark.parametrize("is_learned", [True, False])
@pytest.mark.parametrize("clicks", [0, 5, 9])
def test_clicks_that_stay_away_fail_by_what_was_expected(clicks: int, is_learned: bool) -> None:
    """2,500 clicks were predicted: that hardly any came is known, though AUC is not."""
    found = judge(clicks_of(clicks), learned() if is_learned else None)
    assert not found.verdict.passed
    assert found.why_not is None
    assert found.verdict.value > found.verdict.threshold
    if not clicks:
        assert "of 2,500 predicted outcomes (" in found.verdict.reason
        assert found.verdict.reason.endswith("without an outcome AUC and predicted ÷ observed are undefined")


def test_a_fall_that_leaves_the_order_as_it_was_fails() -> None:
    """Loss and ranking see nothing: predictions that are too high lose little, and rank as before."""
    later, _ = rows(12, 3)
    later = later.assign(actual=later["actual"] * (np.random.default_rng(1).random(len(later)) < 0.25))
    found = judge(later, learned())
    assert found.slices["ranking of all"] < found.verdict.threshold
    assert found.slices["loss of all"] < found.verdict.threshold
    assert not found.verdict.passed
    assert "50% may" in found.verdict.reason


def test_a_slice_without_outcomes_fails_where_many_were_expected() -> None:
    later, _ = rows(4, 3)
    gone = later.assign(actual=later["actual"].where(later["part"] != "meat", 0.0))
    verdict = judge(gone, learned()).verdict
    assert not verdict.passed
    assert "predicted outcomes (meat) 0 came" in verdict.reason


def test_what_is_expected_is_what_the_evaluation_found_to_come() -> None:
    """A version that says three times what comes, and did so when it was evaluated, has not changed."""
    frame = clicks_of(833)
    assert not judge(frame, None, {"prediction_ratio": {"value": 1.0}}).verdict.passed
    assert judge(frame, None, {"prediction_ratio": {"value": 3.0}}).verdict.passed


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (clicks_of(0).head(0), "no outcome is known yet"),
        (clicks_of(0, rows=400, customers=100), "too few outcomes are known yet: 0 where 20 were predicted"),
        (clicks_of(0, customers=5), "too few outcomes are known yet: 0 where 2,500 were predicted"),  # five may be idle
    ],
    ids=["no rows", "few expected", "few customers"],
)
@pytest.mark.parametrize("is_learned", [True, False])
def test_where_nothing_can_be_said_the_check_does_not_count(frame: pd.DataFrame, why: str, is_learned: bool) -> None:
    found = judge(frame, learned() if is_learned else None)
    assert found.verdict.passed
    assert found.why_not == why
    assert found.verdict.reason.startswith(why)


def test_amounts_that_stay_away_fail_too() -> None:
    frame = clicks_of(0, rows=4_000, predicted=30.0, customers=4_000)
    assert not judge(frame, None).verdict.passed
    assert judge(frame.head(500), None).why_not is not None  # hardly anybody may have been about to buy


def test_too_few_events_to_learn_from_learn_nothing() -> None:
    past, week = rows(WEEKS, 1)
    periods = Periods.of(pd.Series(week), past["pseudonym"], length=2)
    assert learn_performance(past.assign(actual=0.0), past, periods, RULE) is None
