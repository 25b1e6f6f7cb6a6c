"""Were customers dealt to the variants as the shares say? If not, nothing that an experiment measures can be believed.

Each customer is dealt once: at its first step it has the challenger with that step's share; from one share to the next
whoever had the champion moves with probability (new - old) / (1 - old), and whoever had the challenger stays. These
are independent, so the counts of each kind of deal have an e-value, and the mean of those over the kinds that a
ramp can have is one again: valid however often it is looked at (`counts`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame
from scipy.special import logsumexp

from infra.loop_contracts import ArmOutcomes
from monitoring.counts import log_exceedance, log_mismatch
from monitoring.verdict import Verdict


class _Deal(NamedTuple):
    """Customers whose variant was open at a step: how many, and how many the challenger got of the share it should."""

    customers: int
    hits: int
    share: float
    step: int

    @property
    def log_evidence(self) -> float:
        return log_mismatch(self.hits, self.customers, self.share)


def judge_dealing(
    outcomes: DataFrame[ArmOutcomes], shares: Sequence[float], alpha: float, max_strays: float
) -> Verdict:
    """Sample-ratio mismatch: the log of the evidence against the shares, held against log(1 / alpha).

    Args:
        outcomes: rows of customers whom a variant answered.
        shares: the challenger's share in each step of the ramp, never less than before.
        alpha: how often a faithful experiment may be suspected.
        max_strays: the share of the challenger's customers that may be found with the champion at a later step: a
            challenger that cannot answer is stood in for.

    Raises:
        ValueError: outcomes of a step that has no share.
    """
    name = "experiment.sample_ratio"
    threshold = float(np.log(1 / alpha))
    if outcomes.empty:
        return Verdict(name, True, 0.0, threshold, "nothing can be said yet: no customers")
    if (last := int(outcomes["step"].max())) >= len(shares):
        raise ValueError(f"outcomes of step {last}, and {len(shares)} steps have a share")
    deals, stayed, strays = _deals(outcomes, shares)
    straying = log_exceedance(strays, stayed, max_strays)
    kinds = len(shares) * (len(shares) + 1) // 2 + 1  # those that have not come yet have an e-value of 1
    evidence = [deal.log_evidence for deal in deals] + [straying]
    value = float(logsumexp([*evidence, *[0.0] * (kinds - len(evidence))]) - np.log(kinds))
    odd = max(deals, key=lambda deal: deal.log_evidence)
    reason = f"step {odd.step + 1}: {odd.hits:,} of {odd.customers:,} got the challenger, {odd.share:.1%} were to"
    if straying > odd.log_evidence:
        reason = f"{strays:,} of {stayed:,} customers of the challenger were moved back to the champion"
    return Verdict(name, value < threshold, value, threshold, reason)


def _deals(outcomes: pd.DataFrame, shares: Sequence[float]) -> tuple[list[_Deal], int, int]:
    """Every kind of deal, how many were to stay with the challenger, and how many of them strayed."""
    steps = len(shares)
    place = pd.factorize(outcomes["pseudonym"])[0] * steps + outcomes["step"].to_numpy(dtype=np.intp)
    order = np.unique(place)  # by customer, then by step
    has = np.bincount(place, outcomes["variant"] == "challenger")[order] > 0
    customer, step = order // steps, order % steps
    is_first = np.r_[True, customer[1:] != customer[:-1]]
    had = np.cumsum(has) - has
    had_before = had > np.maximum.accumulate(np.where(is_first, had, 0))
    came_from = np.where(is_first, -1, np.r_[-1, step[:-1]])
    is_open = ~had_before
    deals = []
    for old, new in np.unique(np.c_[came_from, step][is_open], axis=0).tolist():
        chosen = has[is_open & (came_from == old) & (step == new)]
        held = shares[old] if old >= 0 else 0.0
        deals.append(_Deal(len(chosen), int(chosen.sum()), (shares[new] - held) / (1 - held) if held < 1 else 1.0, new))
    return deals, int((~is_open).sum()), int((~is_open & ~has).sum())
