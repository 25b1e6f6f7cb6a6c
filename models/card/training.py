"""What a card tells of training: settings that were searched for, what hastens an order, what it knows of people."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from models.explanation import in_words

OF_PEOPLE = r"(customer_)?(age_band|income_band|household_size|gender|region|attr_.+)"
_SHOWN_ELSEWHERE = ("tuning", "hazard_ratios", "inertia", "silhouette", "sizes")


@dataclass(frozen=True)
class Tuning:
    """A search for better settings on earlier windows; ``changed``: setting → given and found value.

    Losses are means over the windows, before and after; less is better.
    """

    trials: int
    loss_before: float
    loss: float
    changed: dict[str, tuple[float | None, float]]
    windows: tuple[str, ...]
    seconds: float | None


@dataclass(frozen=True)
class HazardRatio:
    """How many times as likely an order becomes on any day, for one standard deviation more of the driver's
    logarithm, all else equal; with its 95 % interval.
    """

    driver: str
    ratio: float
    low: float
    high: float


def tuning(notes: dict[str, Any], earlier: tuple[str, ...]) -> Tuning | None:
    """From the notes of ``models/tuning.py``; where they do not tell the windows, those are the ``earlier`` ones."""
    if not isinstance(found := notes.get("tuning"), dict):
        return None
    given = found.get("given", {})
    return Tuning(
        int(found["trials"]),
        float(found["loss_before"]),
        float(found["loss"]),
        {name: (given.get(name), value) for name, value in found["found"].items()},
        tuple(found.get("windows", earlier)),
        found.get("seconds"),
    )


def hazard_ratios(notes: dict[str, Any]) -> tuple[HazardRatio, ...]:
    """From the notes of training, driver in words → ratio, low and high; what matters most comes first."""
    found = [HazardRatio(driver, *map(float, told)) for driver, told in notes.get("hazard_ratios", {}).items()]
    return tuple(sorted(found, key=lambda one: -abs(np.log(max(one.ratio, 1e-12)))))


def known_of_people(features: tuple[str, ...], past: pd.DataFrame) -> tuple[str, ...]:
    """Attributes of people among the features, in words; without those that nobody's was known of in training."""
    used = [name for name in features if re.fullmatch(OF_PEOPLE, name)]
    return tuple(in_words(name) for name in used if name not in past or past[name].notna().any())


def plain_notes(notes: dict[str, Any]) -> dict[str, Any]:
    """Notes that can be told in a line: no tables, and nothing that the card shows elsewhere."""
    return {
        name: note
        for name, note in notes.items()
        if name not in _SHOWN_ELSEWHERE
        and not (isinstance(note, dict) and any(isinstance(part, (dict, list, tuple)) for part in note.values()))
    }
