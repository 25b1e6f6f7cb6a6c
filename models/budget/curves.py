"""Response curves: from history where there is enough of it, else from what is assumed; and it says which."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from models.budget.problem import Curve


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What is assumed of a channel before anything is known.

    Attributes:
        unit_return: Return of the first units.
        max_units: The curve ends there.
        worth_units: The evidence that the prior is worth, in units: a history of as many weighs the same.
        deviation: Relative standard deviation of ``unit_return``.
    """

    unit_return: float
    max_units: float
    worth_units: float
    deviation: float = 0.5


@dataclass(frozen=True, kw_only=True)
class FittedCurve:
    """A channel's curve and where it comes from."""

    channel: str
    curve: Curve
    source: Literal["history", "prior and history", "prior"]
    observations: int
    words: str


def fit(history: pd.DataFrame, priors: dict[str, Prior], *, pieces: int = 8) -> dict[str, FittedCurve]:
    """A concave curve for each channel with a prior.

    Args:
        history: ``channel``, ``units`` bought in a period, ``result`` they brought (the unit of ``unit_return``).
        priors: What is assumed of each channel.
        pieces: Pieces of a bent curve.
    """
    raise NotImplementedError
