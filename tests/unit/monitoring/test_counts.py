"""E-values of counts beside numeric mixtures, and how seldom they cry wolf however often they are looked at."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta, binom

from monitoring.counts import log_exceedance, log_mismatch

steady = settings(deadline=None, derandomize=True, database=None, max_examples=60)
counts = st.integers(0, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@steady
@given(counts, st.sampled_from([0.05, 0.2, 0.5]))
def test_a_mismatch_is_the_likelihood_mixed_over_other_shares(hits_of, share):
    hits, count = hits_of
    grid = (np.arange(20_000) + 0.5) / 20_000
    mixed = (binom.pmf(hits, count, grid) * beta.pdf(grid, 100 * share, 100 * (1 - share))).mean()
    assert log_mismatch(hits, count, share) == pytest.approx(np.log(mixed / binom.pmf(hits, count, share)), abs=1e-4)


@steady
@given(counts, st.sampled_from([0.01, 0.1]))
def test_an_exceedance_is_the_likelihood_mixed_over_what_is_above(hits_of, limit):
    hits, count = hits_of
    mixed, _ = quad(
        lambda p: binom.pmf(hits, count, p) / (1 - limit), limit, 1, points=[max(hits / max(count, 1), limit)]
    )
    expected = np.log(mixed / binom.pmf(hits, count, limit))
    assert log_exceedance(hits, count, limit) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_faithful_dealing_is_seldom_suspected_at_any_time(share):
    rng = np.random.default_rng(5)
    hits = np.cumsum(rng.random((1_000, 1_500)) < share, axis=1)
    looks = range(9, 1_500, 30)
    ever = [max(log_mismatch(int(h[t]), t + 1, share) for t in looks) > np.log(1 / 0.05) for h in hits]
    assert np.mean(ever) < 0.05


def test_failures_at_the_limit_seldom_stop_and_more_of_them_do():
    rng = np.random.default_rng(5)

    def ever(rate):
        failed = np.cumsum(rng.random((200, 2_000)) < rate, axis=1)
        stopped = [
            max(log_exceedance(int(f[t]), t + 1, 0.01) for t in range(0, 2_000, 20)) > np.log(20) for f in failed
        ]
        return np.mean(stopped)

    assert ever(0.01) < 0.05
    assert ever(0.03) > 0.9


def test_worked_counts():
    """Against even odds all of ten: B(60, 50) / B(50, 50) 2^10 = 23.4 with a hundred customers' worth of belief."""
    product = np.prod([(50 + i) / (100 + i) for i in range(10)])
    assert np.exp(log_mismatch(10, 10, 0.5)) == pytest.approx(product * 2**10)
    assert np.exp(log_exceedance(0, 0, 0.01)) == pytest.approx(1)
    assert log_exceedance(3, 3, 0.01) > np.log(20)
    assert log_exceedance(1, 1, 0.01) == pytest.approx(np.log(0.5 * (1 - 0.01**2) / 0.99 / 0.01))


def test_shares_of_nobody_and_everybody_allow_no_exception():
    assert log_mismatch(0, 50, 0.0) == log_mismatch(50, 50, 1.0) == 0
    assert log_mismatch(1, 50, 0.0) == log_mismatch(49, 50, 1.0) == np.inf
    assert log_exceedance(0, 50, 0.0) == 0
    assert log_exceedance(1, 50, 0.0) == np.inf


def test_many_answers_without_a_failure_are_no_evidence():
    assert log_exceedance(0, 10**7, 0.01) < -10
