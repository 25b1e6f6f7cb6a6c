"""The sequence on panels beside the argument of decision 0034: the same customers again and again, no arm differs.

Estimates are normal with the variance that each panel has; 20,000 courses of 200 judgements, the plan reached after a
quarter of them. Correlated outcomes are what the argument covers, growing noise is what it does not.
"""

from pathlib import Path

import numpy as np

from monitoring.sequential import half_width, planned_variance, tuned_spread
from tests.benchmarks.measure import Figure, at_most

COURSES, JUDGEMENTS, PLANNED, FIRST = 20_000, 200, 50, 5
ALPHA = 0.05


def panels(_: Path) -> dict[str, Figure]:
    """The share of courses that ever leave the sequence, to either side."""
    random = np.random.default_rng(20170101)
    noise = random.normal(size=(COURSES, JUDGEMENTS))
    taste = random.normal(size=(COURSES, 1))
    growing = np.linspace(1, 5, JUDGEMENTS)
    courses = {
        "independent": noise,
        "lasting_taste": (noise + taste) / np.sqrt(2),
        "fading_taste": autocorrelated(noise, 0.9),
        "growing_noise": noise * growing,
        "alternating": noise - 0.5 * np.c_[np.zeros(COURSES), noise[:, :-1]],
    }
    return {f"loop.left_{name}": at_most(left(steps), ALPHA, "of courses") for name, steps in courses.items()}


def autocorrelated(noise: np.ndarray, correlation: float) -> np.ndarray:
    steps = noise.copy()
    for at in range(1, steps.shape[1]):
        steps[:, at] = correlation * steps[:, at - 1] + np.sqrt(1 - correlation**2) * noise[:, at]
    return steps


def left(steps: np.ndarray) -> float:
    estimate = np.cumsum(steps, axis=1) / np.arange(1, JUDGEMENTS + 1)
    variance = estimate.var(axis=0)
    effect = np.sqrt(variance[PLANNED] / planned_variance(1.0, ALPHA))
    half = half_width(variance, tuned_spread(effect, ALPHA), ALPHA)
    return float((np.abs(estimate) > half)[:, FIRST:].any(axis=1).mean())
