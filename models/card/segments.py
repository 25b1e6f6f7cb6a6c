"""Segments as a marketer sees them: how many customers, what they are like, what to do; and why so many."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from models.card.resampling import MIN_CUSTOMERS


@dataclass(frozen=True)
class Segment:
    """One segment; ``means`` in the units of the columns, empty where fewer than twenty customers are in it."""

    name: str
    customers: int
    share: float
    means: dict[str, float]
    strategy: str = ""


@dataclass(frozen=True)
class Elbow:
    """Inertia and silhouette by number of segments, and the number that was chosen."""

    clusters: tuple[int, ...]
    inertia: tuple[float, ...]
    silhouette: tuple[float, ...]
    chosen: int


def segment_table(members: pd.DataFrame) -> tuple[Segment, ...]:
    """From one row a customer (``segment``, numbers, perhaps ``strategy``): the largest segment first."""
    numbers = members.drop(columns=["strategy"], errors="ignore").select_dtypes("number").columns
    counts = members["segment"].value_counts()
    means = members.groupby("segment")[list(numbers)].mean().to_dict("index")
    strategy = members.groupby("segment")["strategy"].first() if "strategy" in members else pd.Series(dtype=object)
    return tuple(
        Segment(
            str(name),
            int(count),
            float(count / len(members)),
            {str(column): float(mean) for column, mean in means[name].items()} if count >= MIN_CUSTOMERS else {},
            str(strategy.get(name, "")),
        )
        for name, count in counts.items()
    )


def elbow(notes: dict[str, Any]) -> Elbow | None:
    """From the notes of training: ``inertia`` and ``silhouette`` by k, ``clusters`` the k chosen; None without."""
    if not {"inertia", "silhouette", "clusters"} <= set(notes) or not isinstance(notes["inertia"], dict):
        return None
    tried = sorted(notes["inertia"], key=int)
    return Elbow(
        tuple(int(k) for k in tried),
        tuple(float(notes["inertia"][k]) for k in tried),
        tuple(float(notes["silhouette"][k]) for k in tried),
        int(notes["clusters"]),
    )
