"""Probation: does a new champion break a guardrail that the one before kept to?

Before and since are other days, and other days differ: a guardrail breaks only where it surely does by a margin. It is
looked at every hour, so that "surely" holds at all looks together (99 %, decision 0034). What may be said hangs on how
many events were expected since, never on how many came: none at all is the worst there is.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitoring.before_since import Sides, distance
from monitoring.sequential import half_width, tuned_spread
from monitoring.verdict import Verdict

ALPHA = 0.01
REPORTS = "probation.reports"
EXPECTED_SILENCE = 10.0
"""Times the tolerated share, that is found soonest: who crashes is silent often."""

# Of each metric the columns of units, reward and events. Purchases and revenue are per answer, not per customer as in
# an experiment: before and since are of different length, and who is there longer buys more often.
_METRICS = {
    "click_rate": ("seen", "clicked", "clicked"),
    "conversion": ("answered", "converted", "converted"),
    "revenue_per_customer": ("answered", "revenue", "converted"),
}
_PER = {"click_rate": "click rate", "conversion": "purchases per answer", "revenue_per_customer": "revenue per answer"}


@dataclass(frozen=True, kw_only=True)
class ProbationRule:
    """``metrics``: what is compared, what decides experiments first. ``drop``: the share by which each may fall.

    ``calibration``: the factor by which observed ÷ predicted clicks may move away from what it was; ``silence``: the
    share of rows of known customers that nothing may be said of. ``least_events``: so many are needed before, and so
    many expected since, of ``least_customers`` each.
    """

    metrics: tuple[str, ...] = ("click_rate",)
    drop: float = 0.2
    calibration: float = 1.5
    silence: float = 0.01
    least_customers: int = 100
    least_events: int = 30


@dataclass(frozen=True)
class ProbationJudgement:
    """What was found. ``broken``: guardrails that surely broke, for which a champion goes back.

    ``unreported``: nothing whatever is reported of what it answered, though of the one before it was. This says
    nothing about the version: applications that stopped reporting are likelier than answers of which not one is even
    shown, and going back would mend neither, but throw out one version after the other. So people are told.
    """

    verdicts: tuple[Verdict, ...]

    @property
    def broken(self) -> tuple[Verdict, ...]:
        return tuple(each for each in self.verdicts if not each.passed and each.name != REPORTS)

    @property
    def unreported(self) -> Verdict | None:
        return next((each for each in self.verdicts if not each.passed and each.name == REPORTS), None)


def judge_probation(rows: pd.DataFrame, rule: ProbationRule) -> ProbationJudgement:
    """Judge a new champion.

    Where nothing at all is reported of it, outcomes are not judged: their absence says nothing.

    Args:
        rows: a row a customer and version: pseudonym, is_new, asked, silent, answered, reported, seen, clicked, said,
            converted, revenue (`infra.probation_evidence`).
        rule: what it must keep to.
    """
    sums = [name for name in rows.columns if name not in ("pseudonym", "is_new")]
    table = rows.pivot_table(index="pseudonym", columns="is_new", values=sums, aggfunc="sum", fill_value=0.0)

    def sides(units: str, reward: str, events: str) -> Sides:
        columns = [(name, is_new) for is_new in (False, True) for name in (units, reward, events)]
        return Sides(*(table[c].to_numpy(float) if c in table else np.zeros(len(table)) for c in columns))

    silence, reports = _silence(sides("asked", "silent", "silent"), rule), _reports(sides, rule)
    if not reports.passed:
        return ProbationJudgement((silence, reports))
    found = [silence, reports]
    for name in rule.metrics:
        compared = sides(*_METRICS[name])
        # guardrails of which nothing is reported are left out, as in experiments
        if name == rule.metrics[0] or compared.events_before.any() or compared.events.any():
            found.append(_metric(name, compared, rule))
    return ProbationJudgement((*found, _calibration(sides("said", "clicked", "clicked"), rule)))


def _metric(name: str, sides: Sides, rule: ProbationRule) -> Verdict:
    key = f"probation.{name}"
    if few := _too_few(sides, rule):
        return Verdict(key, True, 0.0, -rule.drop, f"{_PER[name]}: {few}")
    old, new = sides.rates
    found = distance(sides, 1 - rule.drop, ALPHA)
    change = new / old - 1
    reason = (
        f"{_PER[name]} {change:+.1%}: {new:.4g} against {old:.4g} with the champion before; {-rule.drop:.0%} may be, "
        f"from which it lies {found.value:+.3g} ({found.low:+.3g} to {found.high:+.3g} at all looks together)"
    )
    return Verdict(key, not found.high < 0, change, -rule.drop, reason)


def _calibration(sides: Sides, rule: ProbationRule) -> Verdict:
    """Clicks over what was said of the same answers: it may neither fall nor rise by the factor."""
    name, least = "probation.calibration", 1 / rule.calibration
    if few := _too_few(sides, rule):
        return Verdict(name, True, 1.0, least, f"observed ÷ predicted: {few}")
    old, new = sides.rates
    is_below, is_above = distance(sides, least, ALPHA).high < 0, distance(sides, rule.calibration, ALPHA).low > 0
    reason = (
        f"observed ÷ predicted is {new / old:.2f} times what it was with the champion before; "
        f"{least:.2f} to {rule.calibration:g} may be" + (", surely not" if is_below or is_above else "")
    )
    threshold = least if new < old else rule.calibration
    return Verdict(name, not (is_below or is_above), new / old, threshold, reason)


def _reports(sides: Callable[[str, str, str], Sides], rule: ProbationRule) -> Verdict:
    """Is anything reported at all, as it was before?"""
    found = sides("answered", "reported", "reported")
    came, answers = int(found.events.sum()), int(found.units.sum())
    if came or _too_few(found, rule):
        return Verdict(REPORTS, True, float(came), 0.0, f"of {answers:,} answers an outcome of {came:,} is reported")
    reason = f"nothing is reported of {answers:,} answers; before, it would have been of {found.expected_events:,.0f}"
    return Verdict(REPORTS, False, 0.0, 0.0, reason)


def _too_few(sides: Sides, rule: ProbationRule) -> str | None:
    before, expected = int(sides.events_before.sum()), sides.expected_events
    if min(sides.customers) >= rule.least_customers and min(before, expected) >= rule.least_events:
        return None
    return (
        f"nothing can be said yet: {before:,} of {sides.customers[0]:,} customers before, "
        f"{expected:,.0f} to be expected of {sides.customers[1]:,} since"
    )


def _silence(sides: Sides, rule: ProbationRule) -> Verdict:
    """Of the new champion alone: rows without a word, of rows of known customers."""
    asked, silent = float(sides.units.sum()), float(sides.reward.sum())
    told = f"of {silent:,.0f} of {asked:,.0f} rows of known customers nothing was said"
    rate = silent / asked if asked else 0.0
    if sides.customers[1] < rule.least_customers or not silent:
        return Verdict("probation.silence", True, rate, rule.silence, told)
    beyond = sides.reward - rule.silence * sides.units
    variance = float(beyond @ beyond) / asked**2
    half = float(half_width(variance, tuned_spread(EXPECTED_SILENCE * rule.silence, ALPHA), ALPHA))
    return Verdict("probation.silence", not rate - half > rule.silence, rate, rule.silence, told)
