"""What clusters and scores are called, what to do about clusters, and how they keep both from cycle to cycle."""

from collections.abc import Sequence
from itertools import count

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from models.metrics import Array

_NAMES = {
    # (bought lately, buys often, spends much) → name
    (True, True, True): "important value",
    (True, False, True): "important development",
    (False, True, True): "important retention",
    (False, False, True): "important win-back",
    (True, True, False): "general value",
    (True, False, False): "general development",
    (False, True, False): "general retention",
    (False, False, False): "general win-back",
}

# the sign that each axis (days since the last order, orders, money) has in a cluster of the name
_SIDES = {
    name: (-1 if lately else 1, 1 if often else -1, 1 if much else -1) for (lately, often, much), name in _NAMES.items()
}

STRATEGIES = {
    "important value": "Keep: early access and service rather than discounts; ask them for recommendations.",
    "important development": "Make it a habit: reasons to come again soon, subscriptions, bundles of what they buy.",
    "important retention": "Call back now: personal contact on the best day, before silence turns into leaving.",
    "important win-back": "Win back: one strong, personal offer; what they spent is worth more than a usual discount.",
    "general value": "Raise the basket: complementary articles, thresholds for free delivery.",
    "general development": "Get to know: inexpensive trials and recommendations; watch who turns into more.",
    "general retention": "Remind: automatic messages around their usual gap between orders.",
    "general win-back": "Spend little: newsletters at most, and a last question why.",
}


def rule_names(centroids: Array, taken: Sequence[str] = ()) -> list[str]:
    """Names by rule: below or above the average customer (0 after scaling) in recency, frequency and monetary value.

    Each name is given once, and none that is ``taken``: where several clusters lie on the same side everywhere, the
    names are shared out for the most agreement in all (Kuhn 1955), so that a name tells a cluster from the others.
    Where there are more clusters than names, some get a number. Further columns of ``centroids`` are not looked at.
    """
    names: list[str] = []
    for number in count(1):
        names += [told for name in _NAMES.values() if (told := _numbered(name, number)) not in taken]
        if len(names) >= len(centroids):
            break
    sides = np.array([_SIDES[name.rstrip("0123456789 ")] for name in names])
    axes = np.where(np.abs(centroids[:, :3]) < 1e-9, 0.0, centroids[:, :3])  # nobody differs: rounding noise
    # of names that agree alike, the one that promises less
    agreement = axes @ sides.T - 1e-6 * (sides * [-1, 1, 1]).sum(axis=1)
    clusters, given = linear_sum_assignment(agreement, maximize=True)
    return [names[i] for _, i in sorted(zip(clusters, given, strict=True))]


def _numbered(name: str, number: int) -> str:
    return f"{name} {number}" if number > 1 else name


def strategy(name: str) -> str:
    """What to do about a segment; twins share the strategy of the name they are numbered after."""
    return STRATEGIES[name.rstrip("0123456789 ")]


def matched(centroids: Array, before: Array) -> dict[int, int]:
    """Which cluster goes on which earlier one: those of which each is the other's nearest.

    What has split, merged or moved far, so that neither is, is something new.
    """
    distance = cdist(centroids, before)
    nearest, nearest_back = distance.argmin(axis=1), distance.argmin(axis=0)
    return {now: int(then) for now, then in enumerate(nearest) if nearest_back[then] == now}


def rfm(predicted: pd.DataFrame) -> pd.Series:
    """Recency, frequency and monetary scores as people write them: ``545``; 5 is best."""
    recency, frequency, monetary = (
        predicted[f"{axis}_score"].astype(str) for axis in ("recency", "frequency", "monetary")
    )
    return recency + frequency + monetary
