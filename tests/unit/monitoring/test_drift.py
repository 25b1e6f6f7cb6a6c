import numpy as np
import pandas as pd
import pytest

from monitoring.drift import DriftRule, judge_drift

# Half zeros, half ones: a standard deviation of 0.5. Half mailers, half displays.
REFERENCE = pd.DataFrame({"amount": [0.0, 1.0] * 100, "orders": [1, 2] * 100, "channel": ["mailer", "display"] * 100})


def judge(current: pd.DataFrame, reference: pd.DataFrame = REFERENCE, **rule):
    return judge_drift("ctr", current, reference, DriftRule(**rule))


def test_the_same_rows_have_not_drifted():
    judgement = judge(REFERENCE.sample(frac=1, random_state=1))
    assert judgement.verdict.passed
    assert judgement.verdict.value == 0
    assert judgement.distances.to_dict() == {"amount": 0, "orders": 0, "channel": 0}


def test_two_samples_of_one_world_have_not_drifted():
    rng = np.random.default_rng(5)
    one, other = (
        pd.DataFrame({"amount": rng.exponential(30, 1_000), "channel": rng.choice(["mailer", "display"], 1_000)})
        for _ in range(2)
    )
    assert judge(one, other).verdict.value == 0


def test_a_shifted_number_drifts_by_its_shift_in_standard_deviations():
    judgement = judge(REFERENCE.assign(amount=REFERENCE["amount"] + 1))
    assert judgement.distances["amount"] == pytest.approx(2, rel=0.01)
    assert judgement.distances.drop("amount").tolist() == [0, 0]
    assert judgement.verdict.value == pytest.approx(1 / 3)


def test_a_changed_mix_of_categories_drifts_by_its_jensen_shannon_distance():
    judgement = judge(REFERENCE.assign(channel="mailer"))
    # from (1/2, 1/2) and (1, 0) to their middle (3/4, 1/4)
    divergence = (0.5 * np.log(2 / 3) + 0.5 * np.log(2) + np.log(4 / 3)) / 2
    assert judgement.distances["channel"] == pytest.approx(np.sqrt(divergence))
    assert judgement.verdict.value == pytest.approx(1 / 3)


def test_a_category_that_goes_missing_drifts():
    half_gone = REFERENCE["channel"].where(REFERENCE.index % 4 < 2)
    assert judge(REFERENCE.assign(channel=half_gone)).distances["channel"] > 0.3


@pytest.mark.parametrize(
    ("share", "passed"), [(0.3, False), (1 / 3, False), (np.nextafter(1 / 3, 1), True), (0.5, True)]
)
def test_the_share_of_features_fails_at_the_threshold(share, passed):
    verdict = judge(REFERENCE.assign(channel="mailer"), share=share).verdict
    assert verdict.passed == passed
    assert (verdict.name, verdict.value, verdict.threshold) == ("drift.ctr", 1 / 3, share)


@pytest.mark.parametrize(("drifted", "passed"), [(0, True), (1, False), (2, False)])
def test_by_default_half_of_the_features_are_too_many(drifted, passed):
    reference = REFERENCE[["amount", "channel"]]
    changes = {"amount": reference["amount"] + 1, "channel": "mailer"}
    current = reference.assign(**dict(list(changes.items())[:drifted]))
    assert judge(current, reference).verdict.passed == passed


def test_a_feature_drifts_at_the_distance():
    current = REFERENCE.assign(amount=REFERENCE["amount"] + 0.3)
    distance = judge(current).distances["amount"]
    assert judge(current, distance=distance).verdict.value == pytest.approx(1 / 3)
    assert judge(current, distance=np.nextafter(distance, np.inf)).verdict.value == 0


def test_the_reason_counts_what_drifted_and_names_the_farthest_first():
    current = REFERENCE.assign(channel="mailer", amount=REFERENCE["amount"] + 1, visits=[3.01, 4.01] * 100)
    reference = REFERENCE.assign(visits=[3.0, 4.0] * 100)
    verdict = judge(current, reference).verdict
    assert verdict.reason == "2 of 4 features beyond 0.1; farthest: amount 2.00, channel 0.46, visits 0.02"


@pytest.mark.parametrize("empty", ["current", "reference"])
def test_an_empty_feature_is_left_out_and_the_reason_says_so(empty):
    frames = {"current": REFERENCE, "reference": REFERENCE}
    frames[empty] = REFERENCE.assign(amount=np.nan, channel=None)
    judgement = judge(frames["current"].assign(orders=[3, 4] * 100), frames["reference"])
    assert list(judgement.distances.index) == ["orders"]
    assert judgement.verdict.value == 1
    assert judgement.verdict.reason == (
        # a shift of 2 over a deviation of 0.5
        "1 of 1 features beyond 0.1; farthest: orders 4.00; 2 empty or absent features left out"
    )


@pytest.mark.parametrize(
    "current", [REFERENCE.head(0), REFERENCE.assign(amount=np.nan, orders=np.nan, channel=None)], ids=["rows", "values"]
)
def test_without_current_values_there_is_nothing_to_compare_yet(current):
    judgement = judge(current)
    assert judgement.verdict.passed
    assert judgement.verdict.reason == "nothing to compare yet"
    assert (judgement.verdict.value, judgement.distances.empty, judgement.html) == (0, True, "")


def test_columns_the_reference_lacks_are_not_looked_at():
    assert judge(REFERENCE.assign(pseudonym="p1", clicked=True)).distances.index.isin(REFERENCE.columns).all()


def test_flags_and_whole_numbers_with_gaps_are_compared_as_numbers():
    reference = pd.DataFrame(
        {"orders": pd.array([1, 2, None, 2] * 50, dtype="Int64"), "is_member": pd.array([True, None] * 100, "boolean")}
    )
    assert judge(reference, reference).distances.to_dict() == {"orders": 0, "is_member": 0}


def test_large_frames_are_judged_by_a_sample_of_them():
    current = pd.DataFrame({"amount": [0.0, 1.0] * 500})
    reference = pd.DataFrame({"amount": [0.0, 1.0] * 1_000})
    assert judge(current, reference, max_rows=2_000).distances["amount"] == 0
    sampled = judge(current, reference, max_rows=20).distances["amount"]
    assert 0 < sampled == judge(current, reference, max_rows=20).distances["amount"]
    assert sampled != judge(current, reference, max_rows=20, seed=2).distances["amount"]


def test_the_report_can_be_read_in_a_browser():
    html = judge(REFERENCE.assign(channel="mailer")).html
    assert "<html" in html
    assert "channel" in html


def test_an_attribute_that_is_a_number_is_compared_as_one_though_it_comes_as_text():
    current = REFERENCE.assign(amount=(REFERENCE["amount"] + 1).astype(str).where(REFERENCE.index > 1, "unknown"))
    assert judge(current).distances["amount"] == pytest.approx(2, rel=0.02)


def test_levels_too_rare_for_a_sample_are_one():
    """Of two samples of a thousand different cards hardly one is in both; all of them are just cards."""
    one, other = (pd.DataFrame({"attr_card": [f"card {i + start}" for i in range(1_000)]}) for start in (0, 100))
    assert judge(one, other).distances["attr_card"] < 0.3
    assert judge(one.assign(attr_card=one["attr_card"].where(one.index % 2 == 0)), other).distances["attr_card"] > 0.3
