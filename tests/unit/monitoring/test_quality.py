"""Judgements of data quality on counts small enough to check by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.contracts import BinCounts, FieldCounts, NewestRows, ReferenceCounts, WeeklyRows
from monitoring import quality
from monitoring.quality import QualityRule
from monitoring.verdict import Verdict

RULE = QualityRule()
AS_OF = pd.Timestamp("2017-12-04")


def frame(contract, *rows):
    return contract.validate(pd.DataFrame(list(rows), columns=list(contract.to_schema().columns)))


def weeks(*counts, table="orders", first="2017-01-02"):
    days = pd.date_range(first, periods=len(counts), freq="7D")
    return frame(WeeklyRows, *zip([table] * len(counts), days, counts, strict=True))


NONE_RECORDED = weeks()


def only(verdicts):
    (verdict,) = verdicts
    return verdict


# ── null rates ────────────────────────────────────────────────────────────────────────────────


def test_the_worst_required_column_of_each_table_is_judged():
    counts = frame(
        FieldCounts,
        ("orders", "customer_id", 200, 6, 0),
        ("orders", "amount", 200, 4, 8),
        ("products", "product_id", 50, 0, 0),
    )
    assert quality.judge_null_rates(counts, RULE) == [
        Verdict("null_rate.orders", False, 0.06, 0.05, "amount: 4 missing and 8 unreadable of 200 rows"),
        Verdict("null_rate.products", True, 0.0, 0.05, "every required column is there in 50 rows"),
    ]


@pytest.mark.parametrize(("missing", "passed"), [(4, True), (5, False)])
def test_a_null_rate_fails_at_its_threshold(missing, passed):
    counts = frame(FieldCounts, ("orders", "amount", 100, missing, 0))
    assert only(quality.judge_null_rates(counts, RULE)).passed is passed


def test_with_a_threshold_of_zero_a_full_column_holds():
    counts = frame(FieldCounts, ("orders", "amount", 100, 0, 0))
    assert only(quality.judge_null_rates(counts, QualityRule(max_null_rate=0))).passed is True


# ── freshness ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("newest", "age", "passed"), [("2017-12-01 12:00", 2.5, True), ("2017-11-20", 14, True), ("2017-11-19", 15, False)]
)
def test_the_age_of_the_newest_row_counts(newest, age, passed):
    verdict = only(quality.judge_freshness(frame(NewestRows, ("orders", 9, pd.Timestamp(newest))), AS_OF, RULE))
    assert verdict == Verdict("freshness.orders", passed, age, 14, f"the newest row is {age:.1f} days old")


def test_a_table_in_which_nothing_has_happened_yet_is_not_stale():
    verdict = only(quality.judge_freshness(frame(NewestRows, ("contacts", 0, pd.NaT)), AS_OF, RULE))
    assert (verdict.passed, verdict.value) == (True, 0)
    assert verdict.reason == "nothing to compare yet: no row says that it happened before as_of"


# ── volume ────────────────────────────────────────────────────────────────────────────────────


def volume(*counts, recorded=NONE_RECORDED, **options):
    return only(quality.judge_volume(weeks(*counts, **options), recorded, RULE))


def test_a_week_far_below_a_rising_trend_fails():
    """The first week is not whole. 100, 110, … 210, then 220 is expected, 230, 240 and, where 100 came, 250."""
    rising = [3, *range(100, 220, 10), 220, 230, 240]
    verdict = volume(*rising, 100)
    assert verdict == Verdict(
        "volume.orders",
        False,
        pytest.approx(0.6),
        0.5,
        "week of 2017-04-24: 100 rows, -60% off the trend of the 12 weeks before the last 4 (250)",
    )
    assert volume(*rising, 130).passed
    assert not volume(*rising, 380).passed


def test_one_odd_week_before_does_not_bend_the_trend():
    steady = [100] * 17
    odd = steady.copy()
    odd[7] = 5_000
    assert volume(*odd).value == volume(*steady).value == 0


def test_a_table_that_swings_by_nature_is_allowed_more():
    """Weeks alternate between 60 and 140: the median absolute residual is 40 of 100, or a bit beside."""
    swinging = [60, 140] * 8
    verdict = volume(0, *swinging[:-1], 10)
    assert verdict.threshold == pytest.approx(3.5 * 1.4826 * 0.4, rel=0.1)
    assert verdict.passed
    assert not volume(0, *[100] * 15, 10).passed


def test_weeks_that_stay_away_fail():
    verdict = volume(*[100] * 15, 0, 0)
    assert (verdict.passed, verdict.value) == (False, 1)


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ([7], "less than a complete week"),
        ([7] * 12, "11 complete weeks, a trend needs 12"),
        ([0] * 13, "rows come in bursts, more than a quarter of the weeks have none"),
        ([9, *[9, 0] * 8], "rows come in bursts, more than a quarter of the weeks have none"),
    ],
)
def test_what_cannot_be_judged_passes_with_a_word(counts, why):
    verdict = volume(*counts)
    assert (verdict.passed, verdict.value) == (True, 0)
    assert verdict.reason == f"nothing to compare yet: {why}"


def test_an_export_of_a_few_weeks_is_held_against_what_earlier_cycles_counted():
    recorded = weeks(*[100] * 16, first="2017-01-02")
    latest = weeks(1, 30, 30, 30, 30, first="2017-04-10")
    verdict = only(quality.judge_volume(latest, recorded, RULE))
    assert (verdict.passed, verdict.value) == (False, pytest.approx(0.7))
    assert not only(quality.judge_volume(latest, recorded, RULE)).reason.startswith("nothing")
    assert only(quality.judge_volume(latest, NONE_RECORDED, RULE)).reason.startswith("nothing")


def test_weeks_that_nobody_counted_are_not_empty_weeks():
    recorded = weeks(*[100] * 16, first="2016-01-04")
    assert volume(*[100] * 13, 20, recorded=recorded).value == 0.8
    assert volume(*[100] * 9, recorded=recorded).reason.endswith("8 complete weeks, a trend needs 12")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 10_000), min_size=0, max_size=40),
    st.lists(st.integers(0, 10_000), min_size=0, max_size=20),
    st.integers(2, 1_000),
)
def test_whatever_the_volumes_the_verdict_does_not_depend_on_their_unit(counts, earlier, factor):
    for recorded in (NONE_RECORDED, weeks(*earlier, first="2016-10-03")):
        scaled = recorded.assign(rows=recorded["rows"] * factor)
        once = quality.judge_volume(weeks(*counts), recorded, RULE)
        larger = quality.judge_volume(weeks(*(factor * n for n in counts)), scaled, RULE)
        for one, other in zip(once, larger, strict=True):
            assert math.isfinite(one.value)
            assert one.value == pytest.approx(other.value)
            assert one.threshold == pytest.approx(other.threshold)


def test_theil_sen_is_the_median_of_slopes():
    """Slopes between 0, 1, 9 are 1, 8 and 4.5; the intercept is the median of 0, -3.5 and 0."""
    assert quality.theil_sen(np.array([0.0, 1.0, 9.0])) == (4.5, 0.0)


# ── history ───────────────────────────────────────────────────────────────────────────────────


def test_rows_that_an_earlier_cycle_counted_and_that_are_gone():
    now = weeks(1, 100, 20, 100, 100)
    then = weeks(50, 100, 100, 110)
    verdict = only(quality.judge_history(now, then, RULE))
    assert verdict == Verdict(
        "history.orders", False, 0.8, 0.5, "week of 2017-01-16: 80 of 100 rows that an earlier cycle counted are gone"
    )


def test_late_rows_are_no_loss_and_a_lost_row_of_a_small_week_is_none_to_speak_of():
    assert only(quality.judge_history(weeks(1, 130, 0, 100), weeks(50, 100, 1, 100), RULE)).value == 0.01
    verdict = only(quality.judge_history(weeks(1, 130, 110), weeks(50, 100, 100), RULE))
    assert verdict.value == 0
    assert verdict.reason == "all rows of 2 weeks that earlier cycles counted are there"
    assert only(quality.judge_history(weeks(1, 0, 0, 0), weeks(1, 0, 0, 0), RULE)).value == 0


def test_weeks_that_this_data_does_not_cover_are_not_asked_for():
    verdict = only(quality.judge_history(weeks(1, first="2017-01-09"), weeks(50, 100, 100), RULE))
    assert verdict.reason == "nothing to compare yet: no week that an earlier cycle counted"


def test_a_table_that_came_before_and_comes_no_more_is_gone():
    verdict = only(quality.judge_history(NONE_RECORDED, weeks(5, 9, table="impressions"), RULE))
    assert (verdict.name, verdict.passed, verdict.value) == ("history.impressions", False, 1)


# ── references ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("orphans", "passed"), [(9, True), (10, False)])
def test_names_that_lead_nowhere_fail_at_their_threshold(orphans, passed):
    counts = frame(ReferenceCounts, ("orders", "product_id", "products", 200, orphans))
    reason = f"{orphans} of 200 rows name one that products does not hold"
    expected = Verdict("references.orders.product_id", passed, orphans / 200, 0.05, reason)
    assert only(quality.judge_references(counts, RULE)) == expected


def test_a_column_that_names_nothing_is_not_judged():
    assert quality.judge_references(frame(ReferenceCounts, ("orders", "product_id", "products", 0, 0)), RULE) == []


# ── distributions ─────────────────────────────────────────────────────────────────────────────


def channels(*counts):
    return frame(BinCounts, *(("orders", "channel", position, *pair) for position, pair in enumerate(counts)))


def test_a_changed_mix_has_its_population_stability_index():
    """Shares go from (1/2, 1/2) to (3/4, 1/4): 1/4 ln(3/2) - 1/4 ln(1/2) = 1/4 ln 3."""
    verdict = only(quality.judge_distributions(channels((10_000, 7_500), (10_000, 2_500)), RULE))
    assert verdict.value == pytest.approx(0.25 * np.log(3), abs=1e-4)
    assert not verdict.passed
    assert verdict.reason == "PSI 0.275 over 2 bins: 10,000 rows lately, 20,000 before"


def test_a_small_sample_is_allowed_what_chance_does():
    """(1/40 + 1/40) (1 + 2.33 √2) = 0.2147 for one degree of freedom."""
    verdict = only(quality.judge_distributions(channels((20, 29), (20, 11)), RULE))
    assert verdict.threshold == pytest.approx(0.2147, abs=1e-3)
    assert 0.2 < verdict.value < verdict.threshold


def test_samples_of_one_world_rarely_shift():
    rng = np.random.default_rng(3)
    mix = np.full(10, 0.1)
    draws = [channels(*zip(rng.multinomial(300, mix), rng.multinomial(60, mix), strict=True)) for _ in range(60)]
    failed = [not only(quality.judge_distributions(draw, QualityRule(max_shift=0.001))).passed for draw in draws]
    assert np.mean(failed) < 0.06


def test_a_column_that_empties_shifts_and_one_that_never_was_is_not_judged():
    emptied = frame(BinCounts, ("orders", "channel", 0, 500, 100), ("orders", "channel", -1, 0, 400))
    never = frame(BinCounts, ("orders", "channel", -1, 500, 500))
    assert not only(quality.judge_distributions(emptied, RULE)).passed
    assert quality.judge_distributions(never, RULE) == []


def test_too_few_rows_are_not_compared():
    verdict = only(quality.judge_distributions(channels((500, 29)), RULE))
    assert verdict.reason == "nothing to compare yet: 500 rows before and 29 lately, 30 are the least"


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=30))
def test_psi_is_finite_never_negative_and_the_same_both_ways(counts):
    before, lately = np.array(counts, dtype=float).T
    shift = quality.population_stability_index(before, lately)
    assert math.isfinite(shift)
    assert shift >= -1e-12
    assert shift == pytest.approx(quality.population_stability_index(lately, before))
    assert quality.population_stability_index(before, before) == 0


# ── what stops ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("passed", "on_failure", "stop_on", "stops"),
    [
        (False, "warn", (), False),
        (False, "stop", (), True),
        (True, "stop", (), False),
        (False, "warn", ("freshness",), True),
        (False, "warn", ("freshness.orders",), True),
        (False, "warn", ("freshness.contacts", "volume"), False),
        (True, "warn", ("freshness",), False),
        (False, "warn", ("fresh",), False),
    ],
)
def test_what_stops_a_cycle(passed, on_failure, stop_on, stops):
    assert quality.does_stop(Verdict("freshness.orders", passed, 1, 1, ""), on_failure, stop_on) is stops
