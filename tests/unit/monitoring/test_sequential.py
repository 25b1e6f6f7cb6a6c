"""The boundary beside what it claims: numeric mixtures, walks that leave it, and GrowthBook's implementation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from monitoring.sequential import half_width, planned_variance, tuned_spread

steady = settings(deadline=None, derandomize=True, database=None, max_examples=50)


@steady
@given(st.floats(0.01, 100), st.floats(0.1, 10), st.sampled_from([0.01, 0.05, 0.2]))
def test_at_the_boundary_the_mixed_likelihood_ratio_is_one_over_alpha(variance, spread, alpha):
    """The oracle: integrate the likelihood ratio of effects over their normal distribution."""
    estimate = float(half_width(variance, spread, alpha))

    def integrand(effect):
        return norm.pdf(effect, 0, spread) * np.exp((estimate * effect - effect**2 / 2) / variance - shift)

    peak = estimate * spread**2 / (spread**2 + variance)
    width = np.sqrt(variance * spread**2 / (spread**2 + variance))
    shift = (estimate * peak - peak**2 / 2) / variance
    mixed, _ = quad(integrand, peak - 12 * width, peak + 12 * width, points=[peak], epsabs=0, epsrel=1e-10)
    assert np.log(mixed) + shift == pytest.approx(-np.log(alpha), rel=1e-6)


def test_the_spread_makes_the_sequence_narrowest_at_the_planned_variance():
    planned = float(planned_variance(0.005, 0.05))
    best = minimize_scalar(
        lambda s: half_width(planned, s, 0.05), bounds=(1e-4, 1), method="bounded", options={"xatol": 1e-9}
    )
    assert tuned_spread(0.005, 0.05) == pytest.approx(best.x, rel=1e-3)
    assert tuned_spread(0.005, 0.05) / 0.005 == pytest.approx(0.795, abs=1e-3)
    assert np.sqrt(planned) == pytest.approx(0.005 / (1.960 + 1.645), rel=1e-3)


def test_walks_seldom_leave_and_planned_effects_are_found_as_theory_says():
    """In units of the planned information: found by 1 in 0.80, by 1.5 in 0.95, half before 0.6."""
    rng = np.random.default_rng(7)
    times = np.arange(1, 201) / 100
    walks = np.cumsum(rng.normal(0, np.sqrt(0.01), (4_000, 200)), axis=1) / times
    effect = 1 / np.sqrt(planned_variance(1.0, 0.05))
    half = half_width(1 / times, tuned_spread(effect, 0.05), 0.05)
    assert (np.abs(walks) > half).any(axis=1).mean() < 0.05
    found = walks + effect > half
    assert found[:, :100].any(axis=1).mean() == pytest.approx(0.80, abs=0.02)
    assert found[:, :150].any(axis=1).mean() == pytest.approx(0.95, abs=0.01)
    assert times[np.median(found.argmax(axis=1)).astype(int)] == pytest.approx(0.6, abs=0.03)


# Computed once with GrowthBook's gbstats 0.8.0 in an environment of its own (it wants numpy < 2 and pandas < 2):
# SequentialTwoSidedTTest(ProportionStatistic(n, clicks), ProportionStatistic(n, clicks), SequentialConfig(
# difference_type="absolute", alpha=…, sequential_tuning_parameter=…)): its variance, rho and half of its interval.
# There time is the number of customers and rho is per customer: spread = rho · sqrt(customers · variance).
GBSTATS = [
    # champion, challenger, alpha, variance, rho, half width
    ((1000, 50), (1000, 60), 0.05, 0.0001039, 0.03984006677137368, 0.03184110181874048),
    ((4000, 200), (1000, 66), 0.05, 7.3519e-05, 0.03984006677137368, 0.026024859617303622),
    ((10000, 510), (10000, 560), 0.05, 1.01263e-05, 0.01992003338568684, 0.009658595865663692),
    ((900, 40), (100, 9), 0.01, 0.0008661879286694101, 0.10739525753363238, 0.10511689455833714),
]


@pytest.mark.parametrize(("champion", "challenger", "alpha", "variance", "rho", "expected"), GBSTATS)
def test_half_widths_are_those_of_gbstats(champion, challenger, alpha, variance, rho, expected):
    customers = champion[0] + challenger[0]
    assert half_width(variance, rho * np.sqrt(customers * variance), alpha) == pytest.approx(expected, rel=1e-9)


def test_without_variance_or_without_an_effect_to_look_for_nothing_is_known():
    assert half_width([0.0, 1.0, 0.0], [1.0, 0.0, 0.0], 0.05).tolist() == [np.inf] * 3


@steady
@given(st.floats(1e-6, 1e6), st.floats(1e-3, 1e3), st.floats(0.001, 0.3))
def test_it_scales_with_the_metric_and_is_wider_than_a_single_look(variance, spread, alpha):
    half = float(half_width(variance, spread, alpha))
    assert half_width(variance * 100, spread * 10, alpha) == pytest.approx(10 * half)
    assert half > -norm.ppf(alpha / 2) * np.sqrt(variance)


def test_a_plan_that_is_off_by_two_costs_little():
    planned = planned_variance(1.0, 0.05)
    at_best = half_width(planned, tuned_spread(1.0, 0.05), 0.05)
    for factor in (0.5, 2):
        assert half_width(planned, factor * tuned_spread(1.0, 0.05), 0.05) < 1.1 * at_best
