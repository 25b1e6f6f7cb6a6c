"""Do groups differ in an outcome that they were not made from? Effect sizes first, tests beside them.

With thousands of customers nearly every difference is significant; what counts is how large it is.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import f_oneway, kruskal, rankdata

from models.metrics import Array


def eta_squared(outcome: Array, group: npt.ArrayLike) -> Callable[[npt.ArrayLike], float]:
    """The share of the outcome's variance that lies between groups, 0 to 1, as a function of row weights.

    0 where the outcome does not vary.
    """
    codes, groups = pd.factorize(np.asarray(group))

    def share(weight: npt.ArrayLike) -> float:
        w = np.asarray(weight, dtype=float)
        rows = np.bincount(codes, w, len(groups))
        means = np.bincount(codes, w * outcome, len(groups)) / np.where(rows > 0, rows, 1)
        mean = np.average(outcome, weights=w)
        total = float(w @ (outcome - mean) ** 2)
        return float(rows @ (means - mean) ** 2 / total) if total > 0 else 0.0

    return share


def difference_tests(outcome: Array, group: npt.ArrayLike) -> dict[str, float]:
    """Three tests that all groups are alike, as p-values, and the effect size that belongs to the third.

    ``anova_p`` assumes equal variances; ``welch_p`` does not (Welch, "On the comparison of several mean values",
    1951), but where a group does not vary at all; ``kruskal_p`` compares ranks, so that a few great spenders decide
    nothing, with ``epsilon_squared``, the share of the ranks' variance between groups (Tomczak & Tomczak, "The need
    to report effect size estimates revisited", 2014). Groups of one are left out; with fewer than two groups, or no
    variance, there is no difference to be found: p-values of 1 and an effect of 0.
    """
    by_group = [rows.to_numpy() for _, rows in pd.Series(outcome).groupby(np.asarray(group)) if len(rows) > 1]
    values = np.concatenate(by_group) if by_group else np.empty(0)
    if len(by_group) < 2 or np.ptp(values) == 0:
        return {"anova_p": 1.0, "welch_p": 1.0, "kruskal_p": 1.0, "epsilon_squared": 0.0}
    ranks = kruskal(*by_group)
    is_equal = any(np.ptp(rows) == 0 for rows in by_group)
    return {
        "anova_p": float(f_oneway(*by_group).pvalue),
        "welch_p": float(f_oneway(*by_group, equal_var=is_equal).pvalue),
        "kruskal_p": float(ranks.pvalue),
        "epsilon_squared": float(ranks.statistic / (len(values) - 1)),
    }


def equal_groups(values: Array, groups: int) -> np.ndarray:
    """0 for the least; equal values stay together, what is missing counts as least."""
    rank = rankdata(np.nan_to_num(values, nan=-np.inf), method="average")
    return np.floor(groups * (rank - 0.5) / len(values)).astype(int)
