"""What a customer is forecast to spend, by the fitted pieces: a line through the level of spend, and trees upon it."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from models.boosting import OneThread, Trees
from models.encoding import Encoder
from models.metrics import Array

LEVEL, LAST_PERIOD, LAST_PERIOD_DAYS = "amount_per_day_60d", "amount_90d", 90
# how far other views of a customer's spend lie from the level: ratios mean the same for great and small spenders
SPENT_PER_DAY = {"amount_per_day_30d": 1, "amount_per_day_180d": 1, LAST_PERIOD: LAST_PERIOD_DAYS}


@dataclass(frozen=True)
class ClvModel:
    """The line (``start`` in money, ``slope`` per money spent in a horizon), the trees, and the correction.

    ``average`` is the line's mean in training; ``small`` is money added where something is divided by the line;
    ``correction`` is in the same ratio.
    """

    encoder: Encoder
    horizon_days: int
    start: float
    slope: float
    average: float
    small: float
    booster: Trees | None = None
    quantiles: tuple[Trees, Trees] | None = None
    correction: float = 0.0

    def line(self, matrix: Array) -> Array:
        """The line's value, in money; ``matrix`` is the encoder's."""
        return np.maximum(self.start + self.slope * level_of(self.encoder, matrix, self.horizon_days), 0)

    def relative(self, matrix: Array) -> Array:
        """The trees' matrix: other views of spend as ratios to the level."""
        relative = matrix.copy()
        level = level_of(self.encoder, matrix, self.horizon_days) + self.small
        for name, days in SPENT_PER_DAY.items():
            position = self.encoder.features.index(name)
            relative[:, position] = (matrix[:, position] * self.horizon_days / days + self.small) / level
        return relative

    def left_over(self, matrix: Array, spent: Array) -> Array:
        """What the line leaves, relative to it."""
        line = self.line(matrix)
        return (spent - line) / (line + self.small)

    def forecast(self, matrix: Array) -> dict[str, Array]:
        """Columns ``expected_revenue``, ``low`` and ``high``, in money; ``matrix`` is the encoder's."""
        assert self.booster is not None
        assert self.quantiles is not None
        line, relative = self.line(matrix), self.relative(matrix)
        asked = zip((self.booster, *self.quantiles), (0.0, -self.correction, self.correction), strict=True)
        expected, low, high = (self._money(line, relative, trees, shift) for trees, shift in asked)
        return {"expected_revenue": expected, "low": np.minimum(low, expected), "high": np.maximum(high, expected)}

    def for_few_rows(self) -> "ClvModel":
        """One that says the same of a few rows without threads; not to be saved."""
        assert self.booster is not None
        assert self.quantiles is not None
        low, high = self.quantiles
        return replace(self, booster=OneThread(self.booster), quantiles=(OneThread(low), OneThread(high)))

    def contributions(self, frame: pd.DataFrame) -> pd.DataFrame:
        """What each feature adds to the forecast of the average training row, in money; a column each, and ``average``.

        Rows add up to the forecast before it is kept from falling below 0. The line belongs to ``LEVEL``, LightGBM's
        own contributions to its correction to each feature.
        """
        assert self.booster is not None
        matrix = self.encoder.transform(frame)
        if not len(matrix):  # LightGBM refuses them
            return pd.DataFrame(columns=[*self.encoder.features, "average"], index=frame.index, dtype=float)
        line = self.line(matrix)
        parts = np.asarray(self.booster.predict(self.relative(matrix), pred_contrib=True)).reshape(len(frame), -1)
        money = pd.DataFrame(parts * (line + self.small)[:, None], frame.index, [*self.encoder.features, "average"])
        base = parts[:, -1]
        money[LEVEL] += (1 + base) * (line - self.average)
        return money.assign(average=self.average + (self.average + self.small) * base)

    def _money(self, line: Array, relative: Array, trees: Trees, shift: float) -> Array:
        ratio = np.asarray(trees.predict(relative)) if len(relative) else np.empty(0)
        return np.maximum(line + (line + self.small) * (ratio + shift), 0)


def level_of(encoder: Encoder, matrix: Array, horizon_days: int) -> Array:
    """Money spent lately, as if for a whole horizon; missing counts as none."""
    return np.fmax(matrix[:, encoder.features.index(LEVEL)], 0) * horizon_days
