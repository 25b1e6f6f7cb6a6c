"""A ratio before an instant beside the same since then, held against a share that it must keep; good for no event too.

Reward over units, by customer. What is judged is the reward since less what the units since would have brought at
``keep`` times the old ratio: 0 on the border, linear in both sides, and with a variance that the time before tells.
"""

from dataclasses import dataclass

import numpy as np

from models.metrics import Array
from monitoring.sequential import half_width, tuned_spread

EXPECTED_FALL = 0.5
"""The further fall, as a share of what must be kept, that is found soonest: disasters first (decision 0034)."""


@dataclass(frozen=True)
class Sides:
    """By customer, in the same order: units, reward and events (what came, once each) before and since."""

    units_before: Array
    reward_before: Array
    events_before: Array
    units: Array
    reward: Array
    events: Array

    @property
    def customers(self) -> tuple[int, int]:
        """How many have units: before, since."""
        return int(np.count_nonzero(self.units_before)), int(np.count_nonzero(self.units))

    @property
    def rates(self) -> tuple[float, float]:
        """Reward over units: before, since."""
        before, since = self.units_before.sum(), self.units.sum()
        return float(self.reward_before.sum() / before), float(self.reward.sum() / since)

    @property
    def expected_events(self) -> float:
        """How many the units since would have brought before; 0 where there were no units then."""
        before = self.units_before.sum()
        return float(self.units.sum() * self.events_before.sum() / before) if before > 0 else 0.0


@dataclass(frozen=True)
class Distance:
    """From ``keep`` times the old ratio to the new one; the ends are those of a sequence for all looks together."""

    value: float
    low: float
    high: float


def distance(sides: Sides, keep: float, alpha: float) -> Distance:
    """How far the ratio since lies from ``keep`` times the one before; both sides need units, the old one events.

    The variance is the larger of two estimates: by customers' linearised parts in both (delta method, as
    `monitoring.arms`), and on the border itself, where customers vary since as they did before. The first is nothing
    where no event came; the second takes the time before to have varied at least as independent events do (Poisson).
    The half width is that of decision 0034, whose condition holds: the time before stands still, so that of two looks
    the covariance is the variance of the later one.
    """
    (old, new), scale = sides.rates, float(sides.units.sum() / sides.units_before.sum())
    residual_before = sides.reward_before - old * sides.units_before
    part = sides.reward - new * sides.units - keep * scale * residual_before
    independent = float(sides.reward_before.sum()) ** 2 / float(sides.events_before.sum())
    varied = max(float(residual_before @ residual_before), independent)
    # more units than before may be as many more of each customer, whose taste then weighs by their square
    on_border = varied * (max(keep, keep**2) * max(scale, scale**2) + (keep * scale) ** 2)
    variance = max(float(part @ part), on_border) / float(sides.units.sum()) ** 2
    half = float(half_width(variance, tuned_spread(EXPECTED_FALL * keep * abs(old), alpha), alpha))
    value = new - keep * old
    return Distance(value, value - half, value + half)
