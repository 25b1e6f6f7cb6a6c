"""Probation: does a new champion break a guardrail that the one before kept to?

Before and after are other days, and other days differ: a guardrail breaks only where it surely does by a margin. It is
looked at every hour, so that "surely" is an interval of 99.9 % (normal, with the spread of resampled customers).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from models.metrics import Array, resampled_customers
from monitoring.verdict import Verdict

SURE = 0.999


@dataclass(frozen=True, kw_only=True)
class ProbationRule:
    """``drop``: the share by which a click rate may fall; ``calibration``: the factor by which predicted ÷ observed may
    move away from what it was; ``silence``: the share of rows of known customers that nothing may be said of.
    """

    drop: float = 0.2
    calibration: float = 1.5
    silence: float = 0.01
    least_customers: int = 100
    least_clicks: int = 30
    resamples: int = 200
    seed: int = 20170101


def judge_probation(rows: pd.DataFrame, rule: ProbationRule) -> tuple[Verdict, ...]:
    """Judge a new champion.

    Args:
        rows: a row a customer and version: pseudonym, is_new, asked, silent, seen, clicked, said
            (`infra.probation_evidence`).
        rule: what it must keep to.
    """
    sums = ["asked", "silent", "seen", "clicked", "said"]
    table = rows.pivot_table(index="pseudonym", columns="is_new", values=sums, aggfunc="sum", fill_value=0.0)
    parts: dict[tuple[str, bool], Array] = {
        (name, is_new): table[name, is_new].to_numpy(dtype=float) if (name, is_new) in table else np.zeros(len(table))
        for name in sums
        for is_new in (False, True)
    }
    draws = list(resampled_customers(pd.Series(table.index), rule.resamples, rule.seed)) if len(table) else []

    def surely(figure: Callable[[Array], float]) -> tuple[float, float, float]:
        """The value, and the ends of the interval; not a number where it cannot be said."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value = figure(np.ones(len(table)))
            spread = float(np.nanstd([figure(draw) for draw in draws])) * norm.ppf((1 + SURE) / 2)
        return value, value - spread, value + spread

    def change(above: str, below: str) -> Callable[[Array], float]:
        """How many times as large the ratio is with the new one, as a logarithm."""

        def logarithm(weight: Array) -> float:
            with np.errstate(divide="ignore", invalid="ignore"):
                new, old = (
                    np.float64(weight @ parts[above, is_new]) / (weight @ parts[below, is_new])
                    for is_new in (True, False)
                )
                return float(np.log(new / old))

        return logarithm

    customers = tuple(int((parts["seen", is_new] > 0).sum()) for is_new in (False, True))
    clicks = tuple(int(parts["clicked", is_new].sum()) for is_new in (False, True))
    silence = _silence(parts, surely, rule)
    if min(customers) < rule.least_customers or min(clicks) < rule.least_clicks:
        few = (
            f"nothing can be said yet: {customers[0]:,} customers with {clicks[0]:,} clicks before, "
            f"{customers[1]:,} with {clicks[1]:,} since"
        )
        return (
            silence,
            Verdict("probation.click_rate", True, 0.0, -rule.drop, few),
            Verdict("probation.calibration", True, 1.0, rule.calibration, few),
        )
    rate, low, high = (float(np.expm1(end)) for end in surely(change("clicked", "seen")))
    click_rate = Verdict(
        "probation.click_rate",
        not high < -rule.drop,
        rate,
        -rule.drop,
        f"click rate {rate:+.1%} ({low:+.1%} to {high:+.1%}) against the champion before, {-rule.drop:.0%} may be",
    )
    ratio, low, high = (float(np.exp(end)) for end in surely(change("said", "clicked")))
    is_off = low > rule.calibration or high < 1 / rule.calibration
    calibration = Verdict(
        "probation.calibration",
        not is_off,
        ratio,
        rule.calibration,
        f"predicted ÷ observed is {ratio:.2f} times ({low:.2f} to {high:.2f}) what it was with the champion before",
    )
    return silence, click_rate, calibration


def _silence(
    parts: dict[tuple[str, bool], Array],
    surely: Callable[[Callable[[Array], float]], tuple[float, float, float]],
    rule: ProbationRule,
) -> Verdict:
    asked, silent = parts["asked", True].sum(), parts["silent", True].sum()
    told = f"of {silent:,.0f} of {asked:,.0f} rows of known customers nothing was said"
    rate = float(silent / asked) if asked else 0.0
    if (parts["asked", True] > 0).sum() < rule.least_customers or not silent:
        return Verdict("probation.silence", True, rate, rule.silence, told)
    _, low, _ = surely(lambda weight: float(weight @ parts["silent", True] / (weight @ parts["asked", True])))
    return Verdict("probation.silence", not low > rule.silence, rate, rule.silence, told)
