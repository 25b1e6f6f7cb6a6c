"""Time to the next order: worlds with known coefficients, and lifelines' own predictions as the oracle."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import WeibullAFTFitter
from lifelines.utils import concordance_index
from numpy.testing import assert_allclose

from models.errors import MissingColumns
from models.survival import PENALTIES, Survival, concordance, fit_survival

HORIZON = 56.0
COVARIATES = ("slow", "idle")


def world(rows: int = 3_000, slow: float = 0.6, shape: float = 1.4) -> tuple[pd.DataFrame, pd.Series]:
    """Days to the next order are Weibull: ``slow`` makes them longer, ``idle`` does nothing; 56 days are waited."""
    rng = np.random.default_rng(12)
    logarithm = rng.normal(size=(rows, 2))
    frame = pd.DataFrame(np.sign(logarithm) * np.expm1(np.abs(logarithm)), columns=list(COVARIATES))
    days = pd.Series(np.exp(3.2 + slow * logarithm[:, 0]) * rng.weibull(shape, rows))
    return frame, days.where(days <= HORIZON)


@pytest.fixture(scope="module")
def fitted() -> Survival:
    return fit_survival(*world(), HORIZON, COVARIATES)


def test_the_coefficients_of_a_simulated_world_are_found(fitted):
    """Cox's coefficient is minus the Weibull's shape times its log-scale."""
    assert fitted.log_scale.tolist() == pytest.approx([0.6, 0.0], abs=0.05)
    assert fitted.log_scale_intercept == pytest.approx(3.2, abs=0.05)
    assert fitted.shape == pytest.approx(1.4, rel=0.05)
    assert fitted.log_hazard.tolist() == pytest.approx([-1.4 * 0.6, 0.0], abs=0.07)


def test_hazard_ratios_are_those_of_a_standard_deviation_with_their_intervals(fitted):
    slow, idle = fitted.hazard_ratios["slow"], fitted.hazard_ratios["idle"]
    assert slow[0] == pytest.approx(np.exp(fitted.log_hazard[0]), abs=1e-4)
    assert slow[1] < slow[0] < slow[2] < 1
    assert idle[1] < 1 < idle[2]


def test_intervals_count_customers_and_not_how_often_they_are_looked_at():
    """Every customer three times: by rows the interval would be 1.7 times too narrow."""
    frame, days = world(rows=800)
    once = fit_survival(frame, days, HORIZON, COVARIATES, pd.Series(range(800)))
    thrice, all_days = pd.concat([frame] * 3, ignore_index=True), pd.concat([days] * 3, ignore_index=True)
    by_customer = fit_survival(thrice, all_days, HORIZON, COVARIATES, pd.Series([*range(800)] * 3))
    by_row = fit_survival(thrice, all_days, HORIZON, COVARIATES)
    width = [high - low for _, low, high in (m.hazard_ratios["slow"] for m in (once, by_customer, by_row))]
    assert width[1] == pytest.approx(width[0], rel=0.05)
    assert width[2] == pytest.approx(width[0] / np.sqrt(3), rel=0.1)


def test_who_is_slower_has_less_hazard(fitted):
    frame, _ = world()
    order = np.argsort(frame["slow"] * 1e6 + 0 * frame["idle"])
    fastest, slowest = frame.iloc[order[:300]], frame.iloc[order[-300:]]
    assert fitted.relative_hazard(fastest).mean() > 3 * fitted.relative_hazard(slowest).mean()
    assert fitted.median_days(fastest).mean() < fitted.median_days(slowest).mean() / 3
    assert np.log(fitted.relative_hazard(frame)).mean() == pytest.approx(0, abs=1e-9)


def test_predictions_are_those_of_lifelines(fitted):
    """The slow oracle: lifelines' own predictions from the same fit."""
    frame, days = world()
    prepared = pd.DataFrame(fitted.preparation.transform(frame.to_numpy()), columns=list(COVARIATES))
    table = prepared.assign(days=days.fillna(HORIZON), ordered=days.notna())
    lifelines = WeibullAFTFitter(penalizer=PENALTIES[0]).fit(table, "days", "ordered")
    some, rows = prepared.head(50), frame.head(50)
    times = [1.0, 7.0, 28.0, 56.0]
    expected = lifelines.predict_survival_function(some, times=times)
    for time in times:
        assert_allclose(fitted.chance_of_none(rows, time), expected.loc[time], rtol=1e-6)
    assert_allclose(fitted.median_days(rows), lifelines.predict_median(some), rtol=1e-6)


def test_the_chance_of_none_is_one_at_first_and_a_half_at_the_median(fitted):
    frame, _ = world(rows=20)
    assert fitted.chance_of_none(frame, 0).tolist() == [1.0] * 20
    assert_allclose(fitted.chance_of_none(frame, fitted.median_days(frame)), 0.5)


def test_it_says_on_average_what_came(fitted):
    frame, days = world()
    assert fitted.chance_of_none(frame, HORIZON).mean() == pytest.approx(days.isna().mean(), rel=0.1)


# ── when silence means leaving ────────────────────────────────────────────────────────────────


def with_scale(fitted: Survival, scale: float, shape: float) -> Survival:
    return replace(fitted, log_scale=np.zeros(2), log_scale_intercept=np.log(scale), shape=shape)


@settings(deadline=None, derandomize=True, database=None, max_examples=300)
@given(st.floats(0.5, 2_000), st.floats(0.3, 4), st.integers(1, 120), st.floats(0.02, 0.98))
def test_the_day_is_the_first_on_which_staying_away_is_likelier_than_the_chance(scale, shape, horizon, chance):
    survival, row = with_scale(FITTED, scale, shape), world(rows=1)[0]
    found = survival.lapsed_from(row, horizon, chance)[0]
    stays = [-((horizon / scale) ** shape) + (day / scale) ** shape - np.log(chance) for day in range(horizon + 1)]
    brute = next((day for day, excess in enumerate(stays) if excess > 0), horizon)
    assert found == brute or abs(stays[min(int(found), brute)]) < 1e-9  # on the very border either will do


FITTED = fit_survival(*world(rows=200), HORIZON, COVARIATES)


@pytest.mark.parametrize(
    ("scale", "shape", "day"),
    [
        (56 / np.log(2) * 1.01, 1.0, 0),  # likelier to stay away from the start
        (20.0, 1.0, 43),  # without memory: 56 - 20 ln 2 = 42.1
        (0.01, 1.0, 56),  # who always orders at once is never given up before the end
        (1e9, 2.0, 0),
    ],
)
def test_days_by_hand(scale, shape, day):
    assert with_scale(FITTED, scale, shape).lapsed_from(world(rows=1)[0], 56, 0.5).tolist() == [day]


def test_slower_customers_are_given_more_time_the_more_certain_one_must_be(fitted):
    frame, _ = world(rows=500)
    easily, surely = (fitted.lapsed_from(frame, HORIZON, chance) for chance in (0.3, 0.9))
    assert (easily <= surely).all()
    assert easily.mean() < surely.mean()
    assert set(easily) | set(surely) <= set(range(57))


# ── concordance ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(5))
def test_concordance_is_that_of_lifelines(seed):
    rng = np.random.default_rng(seed)
    days = rng.integers(0, 400, 300).astype(float)
    ordered, score = rng.random(300) < 0.7, days + rng.normal(0, 150, 300)
    ours = concordance(days, ordered, score)(np.ones(300))
    assert ours == pytest.approx(concordance_index(days, score, ordered))
    assert 0.6 < ours < 0.95


def test_concordance_counts_equal_scores_half_and_pairs_one_can_tell_apart():
    days = np.array([1.0, 1.2, 3.0, 5.0, 5.0])
    ordered = np.array([True, True, True, True, False])
    score = np.array([1.0, 9.0, 2.0, 2.0, 2.0])
    # the two of day 1 cannot be told apart; each is to come before three others, the third before two, the fourth one
    right = 3 + 0 + 2 * 0.5 + 0.5
    assert concordance(days, ordered, score)(np.ones(5)) == pytest.approx(right / 9)
    assert concordance_index(np.floor(days), score, ordered) == pytest.approx(right / 9)


@pytest.mark.parametrize("seed", range(3))
def test_a_row_of_weight_two_counts_as_two_rows(seed):
    rng = np.random.default_rng(seed)
    days, ordered, score = rng.integers(0, 57, 200).astype(float), rng.random(200) < 0.7, rng.normal(size=200)
    weight = rng.integers(0, 4, 200)
    repeated = [np.repeat(values, weight) for values in (days, score, ordered)]
    assert concordance(days, ordered, score)(weight) == pytest.approx(concordance_index(*repeated))


@pytest.mark.parametrize(("ordered", "weight"), [([False, False], [1, 1]), ([True, True], [1, 0])])
def test_without_a_pair_there_is_no_concordance(ordered, weight):
    assert np.isnan(concordance(np.array([1.0, 2.0]), np.array(ordered), np.array([1.0, 2.0]))(weight))


# ── what may be wrong with the data ───────────────────────────────────────────────────────────


def test_a_covariate_that_does_not_vary_has_no_weight():
    frame, days = world(rows=500)
    constant = fit_survival(frame.assign(idle=7.0), days, HORIZON, COVARIATES)
    assert (constant.log_scale[1], constant.log_hazard[1]) == (0, 0)
    assert list(constant.hazard_ratios) == ["slow"]
    empty = fit_survival(frame.assign(idle=np.nan), days, HORIZON, COVARIATES)
    assert_allclose(empty.median_days(frame), constant.median_days(frame))


def test_where_no_covariate_varies_everybody_is_alike():
    frame, days = world(rows=500)
    alike = fit_survival(frame * 0 + 1, days, HORIZON, COVARIATES)
    assert alike.hazard_ratios == {}
    assert len(set(alike.median_days(frame))) == 1
    assert alike.relative_hazard(frame).tolist() == [1.0] * 500


def test_where_nobody_orders_again_everybody_has_left_already():
    frame, days = world(rows=500)
    silent = fit_survival(frame, days * np.nan, HORIZON, COVARIATES)
    assert (silent.chance_of_none(frame, HORIZON) > 0.99).all()
    assert (silent.lapsed_from(frame, HORIZON, 0.5) == 0).all()
    assert (silent.median_days(frame) > 1e6).all()
    assert np.isfinite(silent.median_days(frame)).all()
    assert (silent.log_scale.round(6) == 0).all()


def test_where_everybody_orders_again_nobody_is_given_up_soon():
    frame, _ = world(rows=500)
    days = pd.Series(np.random.default_rng(1).uniform(1, 14, 500))
    lively = fit_survival(frame, days, HORIZON, COVARIATES)
    assert (lively.chance_of_none(frame, HORIZON) < 0.01).all()
    assert (lively.lapsed_from(frame, HORIZON, 0.5) > 50).all()
    assert lively.median_days(frame).mean() == pytest.approx(7.5, rel=0.1)


@pytest.mark.parametrize("copies", [1.0, -2.0])
def test_a_covariate_that_repeats_another_shares_its_weight(fitted, copies):
    frame, days = world()
    frame = frame.assign(idle=np.sign(frame["slow"]) * np.expm1(np.abs(copies) * np.log1p(frame["slow"].abs())))
    twice = fit_survival(frame.assign(idle=np.sign(copies) * frame["idle"]), days, HORIZON, COVARIATES)
    assert twice.log_scale[0] == pytest.approx(np.sign(copies) * twice.log_scale[1], abs=1e-3)
    assert np.abs(twice.log_scale).sum() == pytest.approx(fitted.log_scale[0], rel=0.1)


def test_covariates_are_prepared_as_the_pipeline_does_it(fitted):
    """To the last bit, gaps included."""
    matrix = world(rows=50)[0].to_numpy(copy=True)
    matrix[::7] = np.nan
    np.testing.assert_array_equal(fitted._prepared(matrix), fitted.preparation.transform(matrix))


def test_missing_and_infinite_values_count_as_the_mean(fitted):
    rows = pd.DataFrame({"slow": [np.nan, np.inf, -np.inf], "idle": 0.0})
    frame, _ = world()
    middle = np.sign(frame["slow"]) * np.log1p(frame["slow"].abs())
    mean = np.sign(middle.mean()) * np.expm1(abs(middle.mean()))
    expected = fitted.median_days(rows.assign(slow=mean))
    assert_allclose(fitted.median_days(rows), expected)


def test_orders_at_the_very_instant_of_the_snapshot_can_be_learned_from():
    frame, days = world(rows=500)
    assert np.isfinite(fit_survival(frame, days.where(days > 3, 0.0), HORIZON, COVARIATES).median_days(frame)).all()


def test_a_covariate_that_is_not_there_is_named():
    frame, days = world(rows=50)
    with pytest.raises(MissingColumns, match="idle"):
        fit_survival(frame.drop(columns="idle"), days, HORIZON, COVARIATES)
