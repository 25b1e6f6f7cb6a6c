"""The reward of ranking placements: each arm picks, per visit, the ten it scores highest, and so many were taken.

It assumes that picking does not change taking: what a customer took would have been taken, had it been one of ten.

Placements that were not taken are a sample, each kept with probability 1/w; a sampled one stands for w, so in the
ranking of a visit it fills w places: the plug-in of the estimated rank (Horvitz-Thompson). What that biases: the rank
of a taken placement is estimated without bias, but "among the first ten" is not linear in it. With w far above ten, a
taken placement counts as picked when no sampled one stands above it, which happens with probability (1 - 1/w)^k where k
untaken ones truly do: the list is as long as some w placements, with a soft end, and the level far above that of ten
picks. All are measured by the same soft list: that there is no difference means what it says, and so does its sign
where a better ranking is better throughout. `picked_on_average` is free of this: over all visits together ranks are
estimated well.
"""

import numpy as np
import pandas as pd

from models.metrics import Array

PICKS = 10
ASSUMPTION = "picking does not change taking: what was taken would have been taken, had it been one of ten shown"


def taken(visit: Array, score: Array, clicked: Array, weight: Array, picks: int = PICKS) -> Array:
    """For each row 1 where it is taken and among the first ``picks`` of its visit, best score first, else 0.

    Ties go to what was not taken: nobody is rewarded for saying the same of everything.
    """
    order = np.lexsort((np.asarray(clicked, dtype=bool), -np.asarray(score, dtype=float), visit))
    fills = np.asarray(weight, dtype=float)[order]
    filled = np.cumsum(fills) - fills
    starts = np.flatnonzero(np.diff(np.asarray(visit)[order], prepend=-1))
    before = filled - np.repeat(filled[starts], np.diff(np.append(starts, len(order))))
    found = np.zeros(len(order))
    found[order] = (before < picks) & np.asarray(clicked, dtype=bool)[order]
    return found


def picked_on_average(visits: int, score: Array, clicked: Array, weight: Array, picks: int = PICKS) -> Array:
    """The same where an arm picks ten a visit on average: the best-scored placements of all visits together.

    The score at which the weights add up to ten a visit is estimated from thousands of sampled rows.
    """
    order = np.lexsort((np.asarray(clicked, dtype=bool), -np.asarray(score, dtype=float)))
    fills = np.asarray(weight, dtype=float)[order]
    found = np.zeros(len(order))
    found[order] = (np.cumsum(fills) - fills < picks * visits) & np.asarray(clicked, dtype=bool)[order]
    return found


def by_visit(rows: pd.DataFrame, rewards: dict[str, Array], losses: dict[str, Array]) -> pd.DataFrame:
    """A row a visit: who, when, when its outcome is known; sums of rewards, weighted losses and weights.

    ``rows`` has visit, pseudonym, shown_at, label_known_at and weight.
    """
    weight = rows["weight"].to_numpy(dtype=float)
    summed = pd.DataFrame(
        {"visit": rows["visit"], "rows": weight, "clicks": rows["clicked"].astype(float)}
        | {f"reward_{name}": values for name, values in rewards.items()}
        | {f"loss_{name}": values * weight for name, values in losses.items()}
    )
    first = rows.groupby("visit", sort=True).agg(
        pseudonym=("pseudonym", "first"), shown_at=("shown_at", "min"), label_known_at=("label_known_at", "max")
    )
    return first.join(summed.groupby("visit", sort=True).sum()).reset_index()
