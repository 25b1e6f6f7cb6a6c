import numpy as np
import pandas as pd
import pytest

from monitoring.drift import CONVENTION, DriftRule, drift_report, judge_drift
from monitoring.ordinary import Threshold

# Half zeros, half ones: a standard deviation of 0.5. Half mailers, half displays.
REFERENCE = pd.DataFrame({"amount": [0.0, 1.0] * 100, "orders": [1, 2] * 100, "channel": ["mailer", "display"] * 100})
USUAL = Threshold(alarm=0.3, clear=0.2, typical=0.1, quantile=0.99, resamples=500, weeks=26, seed=1)


def judge(current: pd.DataFrame, reference: pd.DataFrame = REFERENCE, **rule):
    return judge_drift("drift.ctr", current, reference, DriftRule(**({"importances": {}, "threshold": USUAL} | rule)))


def test_the_same_rows_have_not_drifted():
    judgement = judge(REFERENCE.sample(frac=1, random_state=1))
    assert judgement.verdict.passed
    assert judgement.verdict.value == 0
    assert judgement.features["distance"].to_dict() == {"amount": 0, "orders": 0, "channel": 0}


def test_the_value_is_the_distances_weighted_by_importance():
    current = REFERENCE.assign(amount=REFERENCE["amount"] + 1, orders=REFERENCE["orders"] + 1)
    judgement = judge(current, importances={"amount": 3, "orders": 1, "channel": 4, "gone": 5})
    assert judgement.features["importance"].to_dict() == {"amount": 3 / 8, "orders": 1 / 8, "channel": 4 / 8}
    assert judgement.features["distance"].to_dict() == {"amount": 2, "orders": 2, "channel": 0}
    assert judgement.verdict.value == pytest.approx(1.0)
    assert list(judgement.features.index) == ["amount", "orders", "channel"]


def test_what_no_prediction_depends_on_may_move_as_it_likes():
    current = REFERENCE.assign(amount=REFERENCE["amount"] + 100)
    assert judge(current, importances={"channel": 1.0}).verdict.value == 0


def test_a_changed_mix_of_categories_drifts_by_its_jensen_shannon_distance():
    judgement = judge(REFERENCE.assign(channel="mailer"))
    # from (1/2, 1/2) and (1, 0) to their middle (3/4, 1/4)
    divergence = (0.5 * np.log(2 / 3) + 0.5 * np.log(2) + np.log(4 / 3)) / 2
    assert judgement.features["distance"]["channel"] == pytest.approx(np.sqrt(divergence))
    assert judgement.verdict.value == pytest.approx(np.sqrt(divergence) / 3)


def test_a_category_that_goes_missing_drifts():
    half_gone = REFERENCE["channel"].where(REFERENCE.index % 4 < 2)
    assert judge(REFERENCE.assign(channel=half_gone)).features["distance"]["channel"] > 0.3


def test_it_fails_at_the_threshold():
    current = REFERENCE.assign(amount=REFERENCE["amount"] + 0.3)
    value = judge(current).verdict.value
    for alarm, passed in ((value, False), (np.nextafter(value, 1), True)):
        usual = Threshold(alarm=alarm, clear=0, typical=0, quantile=0.9, resamples=1, weeks=9, seed=1)
        assert judge(current, threshold=usual).verdict.passed == passed


def test_the_reason_says_what_is_ordinary_and_what_moved_most():
    current = REFERENCE.assign(channel="mailer", amount=REFERENCE["amount"] + 1)
    verdict = judge(current).verdict
    assert not verdict.passed
    assert verdict.reason == (
        "distance 0.822, ordinary up to 0.300, typically 0.100; most of it: amount 0.667, channel 0.155"
    )


def test_without_a_learned_threshold_a_convention_stands_in_and_the_reason_says_so():
    verdict = judge(REFERENCE, threshold=None, why_none="5 weeks to learn from, 8 are the least").verdict
    assert verdict.threshold == CONVENTION
    assert verdict.reason == "distance 0.000 against 0.1, a convention: 5 weeks to learn from, 8 are the least"


def test_features_that_move_with_the_calendar_do_not_count():
    current = REFERENCE.assign(amount=REFERENCE["amount"] + 100)
    verdict = judge(current, moving=("amount",), importances={"amount": 1, "orders": 1, "channel": 2}).verdict
    assert verdict.value == 0
    assert verdict.reason.endswith("left out, as they move with the calendar: 1 of 3 features (25% of the importance)")


def test_a_feature_that_the_reference_lacks_is_left_out_and_the_reason_says_so():
    reference = REFERENCE.assign(amount=np.nan, channel=None)
    judgement = judge(REFERENCE.assign(orders=[3, 4] * 100), reference)
    assert judgement.features["distance"].to_dict() == {"orders": 4}
    assert judgement.verdict.reason.endswith("2 features that the reference lacks left out")


@pytest.mark.parametrize("gone", ["no value", "no column"])
def test_a_feature_that_vanishes_is_as_far_off_as_it_can_be(gone):
    """Half zeros, half ones: were all as far off as the farthest value, that would be 0.5 / 0.5 = 1 deviation."""
    current = REFERENCE.drop(columns="amount") if gone == "no column" else REFERENCE.assign(amount=np.nan)
    judgement = judge(current, importances={"amount": 95, "orders": 3, "channel": 2})
    assert judgement.verdict.value == pytest.approx(0.95)
    assert not judgement.verdict.passed
    assert judgement.verdict.reason.endswith("without any value now: amount (95% of the importance)")


def test_the_calendar_empties_no_feature():
    current = REFERENCE.assign(amount=np.nan)
    assert judge(current, moving=("amount",), importances={"amount": 3, "orders": 1}).verdict.value == 0.75


def test_a_category_that_vanishes_lies_off_by_the_largest_distance():
    assert judge(REFERENCE.assign(channel=None)).features["distance"]["channel"] == pytest.approx(np.sqrt(np.log(2)))


def test_a_feature_that_hardly_a_row_had_may_be_missing_from_a_sample():
    reference = REFERENCE.assign(amount=REFERENCE["amount"].where(REFERENCE.index < 2))
    assert judge(REFERENCE.assign(amount=np.nan), reference).features["distance"]["amount"] == pytest.approx(0.01)


def test_all_features_gone_is_drift_and_not_nothing_to_compare():
    current = REFERENCE.assign(amount=np.nan, orders=np.nan, channel=None)
    judgement = judge(current)
    assert not judgement.verdict.passed
    assert judgement.why_not is None
    assert drift_report(current, REFERENCE, DriftRule(importances={})) == ""


@pytest.mark.parametrize(
    ("current", "reference", "why"),
    [
        (REFERENCE.head(0), REFERENCE, "no rows to compare yet"),
        (REFERENCE, REFERENCE[[]], "no feature to compare"),
    ],
    ids=["no rows", "no features"],
)
def test_where_there_is_nothing_to_compare_the_check_does_not_count(current, reference, why):
    judgement = judge(current, reference)
    assert judgement.verdict.passed
    assert judgement.verdict.reason == judgement.why_not == why
    assert judgement.features.empty


def test_columns_the_reference_lacks_are_not_looked_at():
    assert judge(REFERENCE.assign(pseudonym="p1", clicked=True)).features.index.isin(REFERENCE.columns).all()


def test_flags_and_whole_numbers_with_gaps_are_compared_as_numbers():
    reference = pd.DataFrame(
        {"orders": pd.array([1, 2, None, 2] * 50, dtype="Int64"), "is_member": pd.array([True, None] * 100, "boolean")}
    )
    assert judge(reference, reference).features["distance"].to_dict() == {"orders": 0, "is_member": 0}


def test_large_frames_are_judged_by_a_sample_whose_error_is_told():
    rng = np.random.default_rng(1)
    current, reference = (pd.DataFrame({"amount": rng.exponential(30, 5_000)}) for _ in range(2))
    judgement = judge(current, reference, max_rows=500)
    assert judgement.error == pytest.approx(judge(current, reference, max_rows=500).error)
    assert 0.005 < judgement.error < 0.1
    assert f"(± {judgement.error:.3f} by sampling)" in judgement.verdict.reason
    assert judge(current, reference, max_rows=10_000).error == 0


def test_the_report_can_be_read_in_a_browser():
    html = drift_report(REFERENCE.assign(channel="mailer"), REFERENCE, DriftRule(importances={}))
    assert "<html" in html
    assert "channel" in html


def test_an_attribute_that_is_a_number_is_compared_as_one_though_it_comes_as_text():
    current = REFERENCE.assign(amount=(REFERENCE["amount"] + 1).astype(str).where(REFERENCE.index > 1, "unknown"))
    assert judge(current).features["distance"]["amount"] == pytest.approx(2, rel=0.02)


def test_levels_too_rare_for_a_sample_are_one():
    """Of two samples of a thousand different cards hardly one is in both; all of them are just cards."""
    one, other = (pd.DataFrame({"attr_card": [f"card {i + start}" for i in range(1_000)]}) for start in (0, 100))
    assert judge(one, other).verdict.value < 0.3
    assert judge(one.assign(attr_card=one["attr_card"].where(one.index % 2 == 0)), other).verdict.value > 0.3
