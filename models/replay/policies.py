"""Policies on the same rows: what the loop gained over never retraining, and over taking each new version at once."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.metrics import Array, Metric

LOOP, NEVER, ALWAYS = "loop", "never", "always"
POLICIES: Mapping[str, str] = {
    LOOP: "the loop",
    NEVER: "never retrain",
    ALWAYS: "retrain always",
}
RESAMPLES = 2_000


@dataclass(frozen=True)
class Gain:
    """The loop less another policy, with a 95 % interval by resampling customers; ``better`` is up or down."""

    measure: str
    over: str
    loop: float
    other: float
    difference: Metric
    better: str
    customers: int

    @property
    def verdict(self) -> str:
        """In words, whatever the sign."""
        low, high = self.difference.low, self.difference.high
        if low == high == 0:
            return "the same"
        if low is None or high is None or low <= 0 <= high:
            return "no difference is sure"
        return "the loop is better" if (low > 0) == (self.better == "up") else "the loop is worse"


def ratio_gain(
    measure: str, over: str, customers: pd.Series, sums: tuple[Array, Array], units: Array, better: str, seed: int
) -> Gain:
    """The difference of two ratios of sums over the same units.

    Args:
        measure: what it is, in words.
        over: the other policy.
        customers: whose each row is: they are drawn whole.
        sums: of the loop and of the other policy, a value a row.
        units: what they are divided by, a value a row.
        better: up or down.
        seed: of the resampling.
    """
    codes, who = pd.factorize(customers)
    ours, theirs, total = (float(values.sum()) for values in (*sums, units))
    # the same answers on the same rows are no difference at all, not one of the last digit
    per_customer = [np.bincount(codes, values, len(who)) for values in (sums[0] - sums[1], units)]
    random = np.random.default_rng(seed)
    draws = random.multinomial(len(who), np.full(len(who), 1 / len(who)), RESAMPLES).astype(float)
    more, of = (draws @ values for values in per_customer)
    low, high = np.quantile(more / of, [0.025, 0.975])
    difference = Metric(float(per_customer[0].sum()) / total, float(low), float(high))
    return Gain(measure, over, ours / total, theirs / total, difference, better, len(who))


def gains(visits: pd.DataFrame, seed: int) -> list[Gain]:
    """Of the visits of all blocks: log-loss per placement, and how many of ten picks were taken per visit."""
    if visits.empty:
        return []
    one, rows = np.ones(len(visits)), visits["rows"].to_numpy()
    found = []
    for measure, column, units, better in (
        ("log-loss", "loss", rows, "down"),
        ("taken of ten picks a visit", "reward", one, "up"),
        ("taken of ten picks a visit on average", "average", one, "up"),
    ):
        for other in (NEVER, ALWAYS):
            sums = visits[f"{column}_{LOOP}"].to_numpy(), visits[f"{column}_{other}"].to_numpy()
            found.append(ratio_gain(measure, other, visits["pseudonym"], sums, units, better, seed))
    return found


def by_block(visits: pd.DataFrame) -> pd.DataFrame:
    """A row a block: each policy's log-loss per placement, and reward a visit."""
    if visits.empty:
        return pd.DataFrame()
    summed = visits.drop(columns=["pseudonym", "shown_at", "label_known_at", "visit"]).groupby("block").sum()
    count = visits.groupby("block").size()
    columns: dict[str, pd.Series] = {"visits": count, "placements": summed["rows"], "clicks": summed["clicks"]}
    for policy in POLICIES:
        columns[f"loss_{policy}"] = summed[f"loss_{policy}"] / summed["rows"]
        columns[f"reward_{policy}"] = summed[f"reward_{policy}"] / count
        columns[f"average_{policy}"] = summed[f"average_{policy}"] / count
    return pd.DataFrame(columns).reset_index()
