"""Migration of customers between segments, as a verdict: did more of them move than usual?"""

import numpy as np
import pandas as pd

from monitoring.ordinary import GROUPS_OF_CUSTOMERS, LEAST_WEEKS, OrdinaryRule, Threshold, threshold
from monitoring.verdict import Verdict

LAG_WEEKS = 4
CONVENTION = 0.5


def learn_migration(segments: pd.DataFrame, rule: OrdinaryRule) -> Threshold | None:
    """What share of customers usually gets another segment in four weeks.

    ``segments``: a row per customer, a column per weekly snapshot in order, missing where a customer was not there
    yet. Pairs of snapshots four weeks apart and whole customers are drawn; None with too few weeks.
    """
    pairs = segments.shape[1] - LAG_WEEKS
    if segments.shape[1] < LEAST_WEEKS or pairs < 1 or segments.empty:
        return None
    codes = pd.factorize(segments.to_numpy(dtype=object).ravel())[0].reshape(segments.shape)
    before, after = codes[:, :-LAG_WEEKS], codes[:, LAG_WEEKS:]
    is_both = (before >= 0) & (after >= 0)
    has_moved = is_both & (before != after)
    group = np.arange(len(codes)) % GROUPS_OF_CUSTOMERS
    moved, both = (
        np.array([np.bincount(group, column) for column in part.T.astype(float)]) for part in (has_moved, is_both)
    )
    generator, customers = np.random.default_rng(rule.seed), moved.shape[1]
    shares = []
    for _ in range(rule.resamples):
        pair = int(generator.integers(0, pairs))
        times = np.bincount(generator.integers(0, customers, customers), minlength=customers)
        if (there := times @ both[pair]) > 0:
            shares.append(times @ moved[pair] / there)
    return threshold(shares, rule, segments.shape[1]) if shares else None


def judge_migration(name: str, before: pd.Series, after: pd.Series, usual: Threshold | None) -> Verdict:
    """The share of those who were there at both snapshots (indexed by customer) and have another segment now."""
    alarm = usual.alarm if usual else CONVENTION
    both = pd.DataFrame({"before": before, "after": after}).dropna()
    if both.empty:
        return Verdict(name, True, 0.0, alarm, "nobody was there four weeks ago")
    share = float((both["before"] != both["after"]).mean())
    known = f"ordinary up to {alarm:.0%}" if usual else f"{alarm:.0%} is a convention: too few weeks to learn from"
    return Verdict(name, share < alarm, share, alarm, f"{share:.0%} of {len(both):,} moved in four weeks, {known}")
