"""Inference that holds at all times together, so that whoever looks again and again is not fooled by it.

The boundary is Robbins' two-sided normal mixture: a standard Brownian motion leaves it at any time with probability
alpha at most (Robbins, Ann. Math. Stat. 41, 1970; Howard, Ramdas, McAuliffe & Sekhon, Ann. Stat. 49, 2021). Around an
estimate with its estimated variance it is an asymptotic confidence sequence (Waudby-Smith et al., Ann. Stat. 52,
2024). Time is information, 1 / variance of the estimate. Decision 0034 has the argument for panels of customers.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import lambertw, ndtri

Array = npt.NDArray[np.float64]

PLANNED_POWER = 0.95
"""Of the fixed-horizon two-sided test whose sample the mixture is tuned to."""


def half_width(variance: npt.ArrayLike, spread: npt.ArrayLike, alpha: float) -> Array:
    """Half the width of the confidence sequence where the estimate has this variance; infinite without variance.

    ``spread`` is the standard deviation, in units of the estimate, of the normal distribution over which effects are
    mixed: it says where the sequence is narrow, not whether it is valid. With n observations of unit variance it is
    rho of Waudby-Smith et al., equation 9.
    """
    v, s = np.asarray(variance, dtype=float), np.asarray(spread, dtype=float) ** 2
    known = (v > 0) & (s > 0)  # an estimate that has not varied yet knows nothing of its error
    v, s = np.where(known, v, 1.0), np.where(known, s, 1.0)
    return np.where(known, np.sqrt(v * (1 + v / s) * np.log((1 + s / v) / alpha**2)), np.inf)


def planned_variance(effect: npt.ArrayLike, alpha: float) -> Array:
    """The variance at which a fixed-horizon two-sided test finds the effect with 95 % power: that of the plan."""
    return np.asarray(effect, dtype=float) ** 2 / (ndtri(1 - alpha / 2) + ndtri(PLANNED_POWER)) ** 2


def tuned_spread(effect: npt.ArrayLike, alpha: float) -> Array:
    """The spread with which the sequence is narrowest at the planned variance: 0.79 of the effect for alpha 5 %.

    The half width is least where x = spread² / variance solves x = log((1 + x) / alpha²), hence by Lambert's W.
    """
    best = -float(lambertw(-(alpha**2) / np.e, k=-1).real) - 1
    return np.sqrt(best * planned_variance(effect, alpha))
