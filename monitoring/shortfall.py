"""Shortfall: have surely far fewer outcomes come than were predicted, down to none at all?

Judged by what was expected, not by what was observed: where nothing comes, there is nothing to resample, and the loss
of small probabilities even looks good.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame

from infra.loop_contracts import LabelledPredictions
from models.metrics import Array
from monitoring.measures import Codes

FLOOR = 0.5
"""Observed ÷ predicted may lie below its usual value by this factor: seasons and prices halve no click rate."""

SURE = 4.0
"""Standard deviations: 3 in 100,000, since up to 21 slices are looked at each time."""

DEVIATION_OF_AMOUNTS = 10.0
"""Of a customer's amount, in means: that of one buyer in fifty with amounts that vary as an exponential does."""


@dataclass(frozen=True)
class Shortfall:
    """The slice that lies lowest: what came of what was expected, and the upper end of the share (of the usual one)."""

    part: str
    observed: float
    expected: float
    high: float

    @property
    def is_sure(self) -> bool:
        return self.high < FLOOR

    @property
    def times(self) -> float:
        """By what part of the floor it surely lies below the floor: above 1 where it does."""
        return FLOOR / max(self.high, 0.01)

    def words(self) -> str:
        return (
            f"of {self.expected:,.0f} predicted outcomes ({self.part}) {self.observed:,.0f} came, "
            f"surely fewer than {self.high:.1%}; {FLOOR:.0%} may"
        )


def worst_shortfall(
    labelled: DataFrame[LabelledPredictions], usual_ratio: float, group: Codes, slices: list[str], *, is_event: bool
) -> Shortfall:
    """The slice whose share of observed in expected outcomes has the lowest upper end.

    Args:
        labelled: at least one row; sums are weighted.
        usual_ratio: predicted ÷ observed as evaluated; what is expected is the prediction divided by it.
        group: of each row the place of its slice.
        slices: the first of them holds all rows.
        is_event: outcomes are 0 or 1, else amounts.
    """
    actual, predicted, weight = (labelled[column].to_numpy(float) for column in ("actual", "predicted", "weight"))
    customer, unique = pd.factorize(labelled["pseudonym"])
    cell, shape = customer * len(slices) + group, (len(unique), len(slices))
    observed, expected = (
        np.bincount(cell, weight * values, int(np.prod(shape))).astype(float).reshape(shape)
        for values in (actual, predicted / usual_ratio)
    )
    for sums in (observed, expected):
        sums[:, 0] = sums.sum(axis=1)
    # where rows are sampled by label all positives are kept, and weigh least
    unit = (weight[actual > 0].mean() if (actual > 0).any() else weight.min()) if is_event else None
    highs = np.array([_high(observed[:, i], expected[:, i], unit) for i in range(len(slices))])
    i = int(np.argmin(highs))
    return Shortfall(slices[i], float(observed[:, i].sum()), float(expected[:, i].sum()), float(highs[i]))


def _high(observed: Array, expected: Array, unit: float | None) -> float:
    """The largest k with which "k times the expected came" is not surely wrong, from sums by customer.

    Under k a customer with k e expected events has the variance k e + (k e)², as if rates varied between customers as
    an exponential does; so a bound exists where nothing came (a score interval; Wilson, J. Am. Stat. Assoc. 22, 1927).
    What customers were seen to vary by makes it wider where that is more. ``unit``: what one event weighs; None:
    amounts.
    """
    came, hoped = float(observed.sum()), float(expected.sum())
    if not hoped > 0:
        return float("inf")
    linear, square = (hoped * unit, 1.0) if unit is not None else (0.0, DEVIATION_OF_AMOUNTS**2)
    linear, square = SURE**2 * linear, SURE**2 * square * float(expected @ expected)
    if hoped**2 <= square:  # too few customers for any bound
        return float("inf")
    middle = 2 * came * hoped + linear
    end = (middle + np.sqrt(max(middle**2 - 4 * (hoped**2 - square) * came**2, 0.0))) / (2 * (hoped**2 - square))
    varied = float(np.sqrt(np.square(observed - came / hoped * expected).sum()))
    return float(max(end, (came + SURE * varied) / hoped))
