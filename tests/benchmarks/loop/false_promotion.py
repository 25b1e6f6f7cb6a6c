"""Experiments in which no arm differs: real households dealt anew 2,000 times, each judged 200 times over 44 weeks.

Who gets the challenger hangs on a salt, as in the services; the share is raised from 5 to 20 and to 50 %, and what
households did in the 56 days before is taken off. The paired test judges two real predictors of the same clicks, the
signs of their differences flipped by household. A sequence covers when no difference is within it at every judgement
after the minimum run time, all together.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from infra.experiments import position
from infra.loop_contracts import ArmOutcomes, PairedLosses
from monitoring.arms import ArmRows, compare_arms
from monitoring.experiment import ExperimentRule, half_of, judge_experiment, judge_paired
from monitoring.paired import PairedComparison, weighted_mean
from tests.benchmarks.loop.households import STRETCHES, Array, Households, read
from tests.benchmarks.measure import Figure, at_least, at_most

EXPERIMENTS = 2_000
SHARES, RAISED_AT = (0.05, 0.2, 0.5), (0, 20, 60)  # the first stretch of each share
RULE = ExperimentRule(max_days=1_000)


@dataclass
class Course:
    """What happened in the course of one experiment."""

    was_promoted: bool = False
    was_harmful: bool = False
    was_covered: bool = True

    def note(self, low: float, high: float, days: float) -> None:
        self.was_harmful |= high < 0
        if days >= RULE.min_days:
            self.was_covered &= low <= 0 <= high


def false_promotion(folder: Path) -> dict[str, Figure]:
    """Shares of experiments that were ever promoted, ever stopped for harm, and whose sequence covered throughout."""
    households = read(folder)
    judged = [evidence(households, stretch) for stretch in range(STRETCHES)]
    dealt = [experiment(households, judged, f"salt {number}") for number in range(EXPERIMENTS)]
    paired = flipped(households)
    return {
        "loop.false_promotion_rate": at_most(share(c.was_promoted for c in dealt), 0.05, "of experiments"),
        "loop.false_promotion_rate_paired": at_most(share(c.was_promoted for c in paired), 0.05, "of experiments"),
        "loop.false_harm_rate": at_most(share(c.was_harmful for c in dealt), 0.05, "of experiments"),
        "loop.coverage": at_least(share(c.was_covered for c in dealt), 0.95, "of experiments"),
        "loop.coverage_paired": at_least(share(c.was_covered for c in paired), 0.95, "of experiments"),
    }


def share(happened: object) -> float:
    return float(np.mean(list(happened)))  # type: ignore[call-overload]


def evidence(households: Households, stretch: int) -> ArmRows:
    """All that was seen to the end of a stretch, with everybody at the champion's."""
    parts = []
    for step, begins in enumerate(RAISED_AT):
        if begins > stretch:
            break
        ends = min([stretch + 1, *RAISED_AT[step + 1 : step + 2]])
        units, clicks = (of[:, begins:ends].sum(axis=1) for of in (households.units, households.clicks))
        who = np.flatnonzero(units > 0)
        parts.append((who, np.full(len(who), step), units[who], clicks[who]))
    who, step, units, clicks = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    nobody = np.zeros(len(who), dtype=bool)
    return ArmRows(who, step, nobody, units, clicks, households.before_units[who], households.before_clicks[who])


def experiment(households: Households, judged: list[ArmRows], salt: str) -> Course:
    """One dealing, judged at the end of every stretch; what seems better goes before the judge as the loop asks it."""
    place = np.array([position(salt, name) for name in households.names])
    shares, course = np.array(SHARES), Course()
    for stretch, everybody in enumerate(judged):
        has = place[everybody.customer] < shares[everybody.step]
        rows = ArmRows(**{**vars(everybody), "is_challenger": has})
        found = compare_arms(rows)
        if found is None or min(found.customers) < RULE.min_customers:
            continue
        half, days = half_of(found, RULE), float(households.days[stretch])
        course.note(found.difference - half, found.difference + half, days)
        if found.difference > half and not course.was_promoted:
            judgement = judge_experiment({"click_rate": outcomes(rows, households)}, SHARES, (0, 0), days, RULE)
            course.was_promoted = judgement.action == "promote"
    return course


def outcomes(rows: ArmRows, households: Households) -> pd.DataFrame:
    return ArmOutcomes.validate(
        pd.DataFrame(
            {
                "pseudonym": np.array(households.names)[rows.customer],
                "step": rows.step,
                "variant": np.where(rows.is_challenger, "challenger", "champion"),
                "units": rows.units,
                "reward": rows.reward,
                "before_units": rows.before_units,
                "before_reward": rows.before_reward,
            }
        )
    )


def flipped(households: Households) -> list[Course]:
    """Click rates of all households against each one's own, as they were before: losses of real clicks."""
    overall = households.before_clicks.sum() / households.before_units.sum()
    own = (households.before_clicks + 20) / (households.before_units + 20 / overall)
    champion = np.cumsum(_log_loss(households, np.full(len(own), overall)), axis=1)
    difference = np.cumsum(_log_loss(households, own), axis=1) - champion
    weight = np.cumsum(households.units, axis=1)
    random = np.random.default_rng(20170101)
    return [
        paired(households, champion, difference * random.choice([-1.0, 1.0], (len(own), 1)), weight)
        for _ in range(EXPERIMENTS)
    ]


def _log_loss(households: Households, rate: Array) -> Array:
    ignored = households.units - households.clicks
    return -(households.clicks * np.log(rate)[:, None] + ignored * np.log1p(-rate)[:, None])


def paired(households: Households, champion: Array, difference: Array, weight: Array) -> Course:
    """One choice of signs, judged at the end of every stretch."""
    course = Course()
    for stretch, days in enumerate(households.days):
        seen = weight[:, stretch] > 0
        sums, weights = difference[seen, stretch], weight[seen, stretch]
        loss = float(champion[seen, stretch].sum() / weights.sum())
        found = PairedComparison(*weighted_mean(sums, weights), loss, len(weights))
        half = half_of(found, RULE)
        course.note(found.difference - half, found.difference + half, days)
        if found.difference < -half and not course.was_promoted:
            rate = champion[seen, stretch] / weights
            columns = {"weight": weights, "champion_loss": rate, "challenger_loss": rate + sums / weights}
            frame = PairedLosses.validate(pd.DataFrame({"pseudonym": np.array(households.names)[seen], **columns}))
            course.was_promoted = judge_paired(frame, days, RULE).action == "promote"
    return course
