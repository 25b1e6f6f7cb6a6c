"""Experiments with a lift that they should find: +10 % on a click rate of 5 %, 1,000 times, each judged 200 times.

N is the sample, in impressions, at which a fixed-horizon two-sided 5 % test of two proportions finds it with 95 %
power. Customers come one after another, see 20 impressions each and are dealt evenly; up to 1.5 N. What seems better
goes before the judge as the loop asks it.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtri

from infra.loop_contracts import ArmOutcomes
from monitoring.arms import ArmRows, compare_arms
from monitoring.experiment import ExperimentRule, half_of, judge_experiment
from tests.benchmarks.measure import Figure, at_least, at_most

EXPERIMENTS, JUDGEMENTS = 1_000, 200
RATE, LIFT, IMPRESSIONS = 0.05, 0.1, 20
RULE = ExperimentRule(expected_lift=LIFT)


def power(_: Path) -> dict[str, Figure]:
    """Found by N and by 1.5 N, the sample at which half are found, and how often the sequence held the lift."""
    random = np.random.default_rng(20170101)
    courses = [experiment(random) for _ in range(EXPERIMENTS)]
    found, covered = (np.array(column) for column in zip(*courses, strict=True))
    return {
        "loop.power_at_n": at_least(float((found <= 1).mean()), 0.78, "of experiments"),
        "loop.power_at_1_5_n": at_least(float((found <= 1.5).mean()), 0.94, "of experiments"),
        "loop.median_sample": at_most(float(np.median(found)), 0.7, "N"),
        "loop.coverage_of_a_lift": at_least(float(covered.mean()), 0.95, "of experiments"),
    }


def planned_impressions() -> float:
    """N, both variants together (Fleiss, Statistical Methods for Rates and Proportions, 1981, unpooled)."""
    better = RATE * (1 + LIFT)
    variance = RATE * (1 - RATE) + better * (1 - better)
    return float(2 * (ndtri(0.975) + ndtri(0.95)) ** 2 * variance / (better - RATE) ** 2)


def experiment(random: np.random.Generator) -> tuple[float, bool]:
    """After which part of N it was promoted (infinite: not at all), and whether the sequence always held the lift."""
    planned = planned_impressions()
    count = int(np.ceil(1.5 * planned / IMPRESSIONS))
    has = random.random(count) < 0.5
    clicks = random.binomial(IMPRESSIONS, np.where(has, RATE * (1 + LIFT), RATE)).astype(float)
    promoted_at, is_covered = np.inf, True
    for customers in np.linspace(count / JUDGEMENTS, count, JUDGEMENTS).astype(int):
        rows = so_far(has[:customers], clicks[:customers])
        found = compare_arms(rows)
        if found is None or min(found.customers) < RULE.min_customers:
            continue
        half = half_of(found, RULE)
        is_covered &= abs(found.difference - RATE * LIFT) <= half
        if found.difference > half and np.isinf(promoted_at):
            judgement = judge_experiment({"click_rate": outcomes(rows)}, (0.5,), (0, 0), RULE.min_days, RULE)
            if judgement.action == "promote":
                promoted_at = customers * IMPRESSIONS / planned
    return promoted_at, is_covered


def so_far(has: np.ndarray, clicks: np.ndarray) -> ArmRows:
    customers = len(has)
    nothing = np.zeros(customers)
    units = np.full(customers, float(IMPRESSIONS))
    return ArmRows(np.arange(customers), np.zeros(customers, dtype=np.intp), has, units, clicks, nothing, nothing)


def outcomes(rows: ArmRows) -> pd.DataFrame:
    variant = np.where(rows.is_challenger, "challenger", "champion")
    columns = {"pseudonym": rows.customer.astype(str), "step": 0, "variant": variant, "units": rows.units}
    before = {"before_units": np.nan, "before_reward": np.nan}
    return ArmOutcomes.validate(pd.DataFrame({**columns, "reward": rows.reward, **before}))
