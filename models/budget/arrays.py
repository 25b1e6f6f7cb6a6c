"""A linear programme as a solver takes it, and what a solver gives back: the same for both solvers."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Status = Literal["optimal", "infeasible", "unbounded", "stopped"]


@dataclass(frozen=True, kw_only=True)
class Programme:
    """maximise gain·x, lower ≤ x ≤ upper, row_low ≤ matrix·x ≤ row_high; infinite where there is no bound."""

    gain: Floats
    lower: Floats
    upper: Floats
    matrix: sparse.csc_matrix
    row_low: Floats
    row_high: Floats
    integer: NDArray[np.bool_] | None = None


@dataclass(frozen=True, kw_only=True)
class Found:
    """A solver's answer.

    Attributes:
        status: "stopped": time ran out; ``x`` may then break the rows, and must be looked at.
        x: Values of the columns (empty where there are none).
        row_values: How the best gain changes when a row's bound is raised, whichever bound it lies at. Both solvers
            are made to minimise −gain and the sign is turned here, since HiGHS and CBC disagree when maximising.
        bound: No plan gains more (``inf`` where the solver does not say).
    """

    status: Status
    x: Floats
    row_values: Floats
    bound: float


NOTHING = np.empty(0)


def without_columns(programme: Programme) -> Found:
    """The answer where there is nothing to decide: solvers call that optimal, even if rows ask for something."""
    kept = (programme.row_low <= 0) & (programme.row_high >= 0)
    values = np.zeros(len(kept))
    return Found(status="optimal", x=NOTHING, row_values=values, bound=0.0) if kept.all() else nothing("infeasible")


def nothing(status: Status) -> Found:
    return Found(status=status, x=NOTHING, row_values=NOTHING, bound=float("inf"))
