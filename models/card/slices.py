"""For whom does a version do worse? The same figures for each group of customers, with a flag where they differ."""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from models.card.clustered_auc import clustered_auc
from models.card.resampling import MIN_CUSTOMERS, of_sums, ratio
from models.metrics import Array, Metric, weighted_auc

ATTRIBUTES = ("region", "age_band", "income_band", "household_size", "gender")
TENURE = "tenure"
NEW_UP_TO_DAYS = 91  # a customer this long or shorter after the first order is new
MIN_POSITIVES = 20  # customers with one: the rows of one customer say the same thing over and over
TOLERANCE = 1.1  # mean prediction over observed may leave 1 by this factor
UNKNOWN, FEW = "unknown", "other / too few"

JUDGED_TWICE = 0.05  # what chance flags of a slice without a gap, at most: two intervals, each beyond on one side

Verdict = Literal["", "gap", "too few to say", "came to nothing"]


@dataclass(frozen=True)
class Slice:
    """A group of customers. Figures are None where there are too few to say, or where what was observed sums to
    nothing (amounts less returns).

    ``attribute`` is several, with commas between, where the same rows are a group by each. ``customers`` is 0 where
    there are fewer than twenty: the exact number would say too much of them. ``ratio`` is the mean prediction over
    what was observed, ``score`` the AUC (of amounts: R²), ``error`` the mean absolute error of amounts.
    """

    attribute: str
    value: str
    rows: int
    customers: int
    observed: float | None
    predicted: float | None
    ratio: Metric | None
    score: Metric | None
    error: Metric | None
    verdict: Verdict
    reasons: tuple[str, ...] = ()

    @property
    def is_judged(self) -> bool:
        return self.verdict in ("", "gap")


def with_attributes(outcomes: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Outcomes with each customer's attributes as known at the snapshot, as texts; ``unknown`` where they are not.

    ``known`` is one row a customer and snapshot: ``ATTRIBUTES`` and ``tenure_days``.
    """
    key = ["pseudonym", "snapshot_at"]
    joined = outcomes.merge(known, on=key, how="left", validate="many_to_one")
    days = joined.pop("tenure_days").astype(float)
    is_new = np.where(days <= NEW_UP_TO_DAYS, f"new, up to {NEW_UP_TO_DAYS} days", f"over {NEW_UP_TO_DAYS} days")
    joined[TENURE] = pd.Series(is_new, index=joined.index).where(days.notna(), UNKNOWN)
    for name in ATTRIBUTES:
        joined[name] = joined[name].astype(object).where(joined[name].notna(), UNKNOWN).astype(str)
    return joined


def slices(outcomes: pd.DataFrame, overall: float) -> tuple[Slice, ...]:
    """Slices of outcomes ``with_attributes``; an attribute that nobody's is known of is left out.

    A slice is a ``gap`` where the 95 % interval of its calibration ratio lies wholly beyond ``TOLERANCE`` of 1,
    or that of its score wholly below ``overall``, the score of all rows. The same rows under the same value of
    several attributes, such as those of whom nothing is known, are one slice: one gap is not to look like three.
    """
    attributes: dict[tuple[str, bytes], list[str]] = {}
    for name in (*ATTRIBUTES, TENURE):
        values = _merged(outcomes["pseudonym"], outcomes[name])
        if set(values) == {UNKNOWN}:
            continue
        for value in sorted(set(values), key=_natural):
            attributes.setdefault((value, (values == value).to_numpy().tobytes()), []).append(name)
    found = [
        _slice(", ".join(names), value, outcomes[np.frombuffer(rows, dtype=bool)], overall)
        for (value, rows), names in attributes.items()
    ]
    return tuple(sorted(found, key=lambda one: ", " in one.attribute))


def by_chance(judged: int) -> str:
    """How many of the judged slices chance alone would flag at most, in words."""
    expected = JUDGED_TWICE * judged
    if expected >= 1.5:
        return f"Chance alone would flag up to {expected:.0f} of the {judged} judged"
    share = 1 - (1 - JUDGED_TWICE) ** judged
    return f"Chance alone would flag one of the {judged} judged in up to {share:.0%} of such cards"


def score(outcomes: pd.DataFrame) -> float:
    """AUC of probabilities, R² of amounts, over all rows."""
    if is_amount(outcomes):
        return float(_r_squared(_moments(outcomes).sum(axis=0)))
    return weighted_auc(outcomes["actual"], outcomes["predicted"])(outcomes["weight"])


def is_amount(outcomes: pd.DataFrame) -> bool:
    """Amounts come with an interval a row, probabilities without."""
    return {"low", "high"} <= set(outcomes)


def _merged(customers: pd.Series, values: pd.Series) -> pd.Series:
    """Values of fewer than ``MIN_CUSTOMERS`` customers become one."""
    counts = customers.groupby(values).nunique()
    return values.where(values.isin(counts.index[counts >= MIN_CUSTOMERS]), FEW)


def _natural(value: str) -> tuple[bool, float, bool, str]:
    """By number, so that Under 15K, 15-24K and 100-124K follow each other; unknown and merged values last."""
    number = re.search(r"\d+", value)
    is_last = value in (UNKNOWN, FEW)
    return is_last, float(number[0]) if number else 0.0, not value.lower().startswith("under"), value


def _slice(attribute: str, value: str, rows: pd.DataFrame, overall: float) -> Slice:
    customers = int(rows["pseudonym"].nunique())
    if customers < MIN_CUSTOMERS:
        return Slice(attribute, value, 0, 0, None, None, None, None, None, "too few to say")
    happened = rows["actual"] > 0
    positives = int(rows.loc[happened, "pseudonym"].nunique())
    if positives < MIN_POSITIVES or (not is_amount(rows) and happened.all()):
        return Slice(attribute, value, len(rows), customers, None, None, None, None, None, "too few to say")
    actual, predicted, weight = (rows[name].to_numpy(dtype=float) for name in ("actual", "predicted", "weight"))
    if not weight @ actual > 0:
        return Slice(attribute, value, len(rows), customers, None, None, None, None, None, "came to nothing")
    calibration = ratio(rows["pseudonym"], weight * predicted, weight * actual)
    error = None
    if is_amount(rows):
        ranking = of_sums(rows["pseudonym"], _moments(rows), _r_squared)
        error = ratio(rows["pseudonym"], weight * np.abs(actual - predicted), weight)
    else:
        ranking = clustered_auc(actual, predicted, weight, rows["pseudonym"])
    reasons = _reasons(calibration, ranking, overall, "explains less" if is_amount(rows) else "ranks worse")
    return Slice(
        attribute,
        value,
        len(rows),
        customers,
        float(np.average(actual, weights=weight)),
        float(np.average(predicted, weights=weight)),
        calibration,
        ranking,
        error,
        "gap" if reasons else "",
        reasons,
    )


def is_miscalibrated(ratio_: Metric) -> bool:
    """Does the whole interval lie beyond the tolerance?"""
    too_much = ratio_.low is not None and ratio_.low > TOLERANCE
    return too_much or (ratio_.high is not None and ratio_.high < 1 / TOLERANCE)


def is_below(score_: Metric, overall: float) -> bool:
    """Does the whole interval lie below what all rows have?"""
    return score_.high is not None and score_.high < overall


def _reasons(calibration: Metric, ranking: Metric, overall: float, worse: str) -> tuple[str, ...]:
    off = calibration.value - 1
    miscalibrated = f"predicts {abs(off):.0%} too {'much' if off > 0 else 'little'}"
    return (
        *([miscalibrated] if is_miscalibrated(calibration) else []),
        *([f"{worse} than overall ({overall:.3f})"] if is_below(ranking, overall) else []),
    )


def _moments(rows: pd.DataFrame) -> Array:
    actual, predicted, weight = (rows[name].to_numpy(dtype=float) for name in ("actual", "predicted", "weight"))
    return np.column_stack([weight, weight * actual, weight * actual**2, weight * (actual - predicted) ** 2])


def _r_squared(sums: Array) -> Array:
    """1 − Σ w (y − ŷ)² / Σ w (y − ȳ)², from the sums of ``_moments``."""
    total, first, second, squared_error = (sums[..., i] for i in range(4))
    return 1 - squared_error / (second - first**2 / total)
