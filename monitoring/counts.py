"""Counts judged at all times together: e-values, which exceed 1/alpha at any time with probability alpha at most.

An e-value is the likelihood of the counts, mixed over what else might be true, over that of what is supposed
(Ville's inequality). Mixing with a beta distribution keeps it exact and closed (Lindon & Malek, "Anytime-Valid
Inference for Multinomial Count Data", NeurIPS 2022, for two outcomes).
"""

import numpy as np
from scipy.special import betaincc, betaln, xlog1py, xlogy

CONCENTRATION = 100.0
"""Customers' worth of belief in the supposed share: what Lindon & Malek's own programme takes."""


def log_mismatch(hits: int, count: int, share: float) -> float:
    """Log e-value against "each of ``count`` was a hit with probability ``share``, independently"."""
    if share <= 0 or share >= 1:
        return 0.0 if hits == count * share else float("inf")
    a, b = CONCENTRATION * share, CONCENTRATION * (1 - share)
    mixed = betaln(a + hits, b + count - hits) - betaln(a, b)
    return float(mixed - xlogy(hits, share) - xlog1py(count - hits, -share))


def log_exceedance(hits: int, count: int, limit: float) -> float:
    """Log e-value against "each was a hit with probability ``limit`` at most", whatever came before.

    The mixture is uniform over probabilities above the limit, so that fewer hits are never evidence.
    """
    if limit <= 0 or limit >= 1:
        return float("inf") if hits > 0 and limit <= 0 else 0.0
    above = betaincc(1 + hits, 1 + count - hits, limit)
    if above <= 0:  # so few hits that nothing is left above the limit
        return float("-inf")
    mixed = betaln(1 + hits, 1 + count - hits) + np.log(above) - np.log1p(-limit)
    return float(mixed - xlogy(hits, limit) - xlog1py(count - hits, -limit))
