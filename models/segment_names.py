"""What clusters are called, what to do about them, and how they keep both from cycle to cycle."""

from collections.abc import Sequence

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

    Clusters on the same side everywhere, and those whose name is ``taken``, are told apart by a number, the one that
    spends most first. Further columns of ``centroids`` are not looked at.
    """
    nothing = 1e-9  # an axis on which nobody differs scales to zeros with rounding noise
    bases = [_NAMES[(bool(c[0] < -nothing), bool(c[1] > nothing), bool(c[2] > nothing))] for c in centroids]
    names, used = [""] * len(bases), set(taken)
    for i in sorted(range(len(bases)), key=lambda i: -centroids[i][2]):
        number, name = 1, bases[i]
        while name in used:
            number += 1
            name = f"{bases[i]} {number}"
        used.add(name)
        names[i] = name
    return names


def strategy(name: str) -> str:
    """What to do about a segment; twins share the strategy of the name they are numbered after."""
    return STRATEGIES[name.rstrip("0123456789 ")]


def matched(centroids: Array, before: Array) -> dict[int, int]:
    """Which cluster goes on which earlier one: the assignment of least total distance (Kuhn 1955).

    A pair counts only where neither has a nearer other one: what has split, merged or moved far is something new.
    """
    distance = cdist(centroids, before)
    pairs = zip(*linear_sum_assignment(distance), strict=True)
    return {
        int(now): int(then)
        for now, then in pairs
        if distance[now].argmin() == then and distance[:, then].argmin() == now
    }
