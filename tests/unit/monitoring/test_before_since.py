"""A ratio since against a share of the one before: right on the border at all looks together, and able to see zero."""

import numpy as np
import pytest

from monitoring.before_since import Sides, distance

ALPHA = 0.05


def sides(clicks_before: np.ndarray, clicks: np.ndarray, units_before: float, units: float) -> Sides:
    """The same customers before and since, each with as many units."""
    every = np.ones(len(clicks))
    return Sides(units_before * every, clicks_before, clicks_before, units * every, clicks, clicks)


def test_it_is_the_new_rate_less_what_must_be_kept_of_the_old_one() -> None:
    """Before 2 of 10 each, now 1 of 10: from 80 % of 0.2 that is 0.06 away."""
    found = distance(sides(np.full(500, 2.0), np.full(500, 1.0), 10, 10), 0.8, ALPHA)
    assert found.value == pytest.approx(-0.06)
    assert found.value - found.low == pytest.approx(found.high - found.value)
    assert found.high < 0


@pytest.mark.parametrize(("expected", "is_sure"), [(10, False), (40, True)])
def test_no_event_at_all_has_an_interval_that_hangs_on_what_was_expected(expected: int, is_sure: bool) -> None:
    """All customers brought 1 of 10 before, so that nothing seemed to vary; since, 1,000 have had a few units each."""
    found = distance(sides(np.ones(1_000), np.zeros(1_000), 10, expected / 100), 0.8, ALPHA)
    assert (found.high < 0) == is_sure


@pytest.mark.parametrize("keep", [0.8, 1.5])
def test_on_the_border_hardly_any_world_is_ever_surely_beyond_it(keep: float) -> None:
    """Tastes that last; seen by and by, looked at 50 times: on each side half of alpha of the worlds may leave."""
    generator, worlds, left = np.random.default_rng(3), 400, np.zeros(2)
    for _ in range(worlds):
        taste = generator.gamma(2, 0.025, 500)
        before, since = generator.poisson(20 * taste).astype(float), np.zeros(500)
        is_out = np.zeros(2, dtype=bool)
        for look in range(1, 51):
            since = since + generator.poisson(0.5 * keep * taste)
            if since.sum():
                found = distance(sides(before, since, 20, 0.5 * look), keep, ALPHA)
                is_out |= [found.high < 0, found.low > 0]
        left += is_out
    assert (left <= 0.5 * ALPHA * worlds + 2 * np.sqrt(0.5 * ALPHA * worlds)).all(), left
