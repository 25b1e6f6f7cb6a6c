"""What distance do two ordinary periods have? Learned from the rows that a version was trained on.

Two neighbouring weeks of one world differ more than two samples of the same rows do, because customers come again and
weeks have a character: so whole customers and whole, adjacent weeks are drawn, a period the length of the one that
checks look at, and what lies outside it. No threshold here is a default of somebody's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

from monitoring.distances import Array, Binned

LEAST_WEEKS = 8
MOVES_FROM = 0.9
GROUPS_OF_CUSTOMERS = 2_000  # of more, several are drawn together: what is drawn stays small

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class OrdinaryRule:
    """How thresholds are drawn.

    false_alarms: the share of histories of ``checks`` checks of an unchanged world that may trigger at most.
    alarms: how many alarms a trigger needs (its k).
    judgements: how many judgements of a model share that; each has its part of it.
    clear_quantile: below this quantile of ordinary distances a check is clearly quiet again.
    rows: of each side of a comparison, as many as checks compare.
    """

    false_alarms: float = 0.05
    checks: int = 12
    alarms: int = 2
    judgements: int = 3
    clear_quantile: float = 0.9
    resamples: int = 500
    rows: int = 2_000
    seed: int = 20170101

    @property
    def quantile(self) -> float:
        """The quantile of ordinary distances beyond which a check alarms.

        A trigger needs k alarms among H checks. However checks depend on each other (windows overlap, the reference is
        the same), the chance of k or more is at most the expected number of alarms over k (Markov's inequality):
        H × (1 - quantile) / k. Set equal to each judgement's part of the false alarms, this is the quantile.
        """
        return 1 - self.alarms * self.false_alarms / (self.checks * self.judgements)


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """Beyond ``alarm`` a check alarms, below ``clear`` it is quiet again; ``typical`` is the median ordinary value."""

    alarm: float
    clear: float
    typical: float
    quantile: float
    resamples: int
    weeks: int
    seed: int


@dataclass(frozen=True)
class Periods:
    """Rows by customer and week, from which ordinary periods are drawn.

    ``week``: of each row, 0 for the first; ``customer``: of each row, a number. ``length`` is that of the period which
    checks look at, ``gap`` how far the reference lies from the first of them, both in weeks.
    """

    week: Positions
    customer: Positions
    length: int
    gap: int = 0

    @classmethod
    def of(cls, weeks: pd.Series, customers: pd.Series, length: int, gap: int = 0) -> "Periods":
        """From what names weeks (in their order) and customers."""
        week = np.unique(weeks.to_numpy(), return_inverse=True)[1]
        customer = pd.factorize(customers)[0] % GROUPS_OF_CUSTOMERS
        count = int(week.max()) + 1 if len(week) else 0
        return cls(week.astype(np.int64), customer.astype(np.int64), length, min(gap, count // 3))

    @property
    def weeks(self) -> int:
        return int(self.week.max()) + 1 if len(self.week) else 0

    @property
    def too_few(self) -> str | None:
        """Why nothing can be learned; None where it can."""
        least = max(LEAST_WEEKS, 3 * self.length)
        return None if self.weeks >= least else f"{self.weeks} weeks to learn from, {least} are the least"

    def draws(self, resamples: int, generator: np.random.Generator) -> Iterator[tuple[Positions, Positions, Array]]:
        """The weeks of an ordinary period, those outside it, and how often each (group of) customers was drawn.

        The same customers stand on both sides, as they do when a later week is compared with earlier ones.
        """
        every = np.arange(self.weeks)
        customers = int(self.customer.max()) + 1
        for _ in range(resamples):
            start = int(generator.integers(0, self.weeks - self.length + 1))
            outside = every[(every < start - self.gap) | (every >= start + self.length + self.gap)]
            times = np.bincount(generator.integers(0, customers, customers), minlength=customers)
            yield every[start : start + self.length], outside, times.astype(float)


def threshold(values: Sequence[float] | Array, rule: OrdinaryRule, weeks: int) -> Threshold:
    """Quantiles of ordinary values."""
    quantiles = [rule.quantile, rule.clear_quantile, 0.5]
    alarm, clear, typical = (float(q) for q in np.quantile(np.asarray(values, dtype=float), quantiles))
    return Threshold(
        alarm=alarm,
        clear=clear,
        typical=typical,
        quantile=rule.quantile,
        resamples=len(values),
        weeks=weeks,
        seed=rule.seed,
    )


def moving(binned: Binned, periods: Periods) -> tuple[str, ...]:
    """Numbers that move with the calendar: the weekly mean of their ranks rises, or falls, nearly every week.

    Days since the first order and totals ever are of that kind: a later period lies farther on by construction, and
    that it does says nothing. Spearman's rank correlation with the week beyond ±0.9; with fewer weeks than can be
    learned from, nothing is said.
    """
    if periods.too_few:
        return ()
    return tuple(name for name, weekly in binned.mean_ranks(periods.week).items() if _is_moving(weekly))


def _is_moving(weekly: Array) -> bool:
    if np.isnan(weekly).any() or len(np.unique(weekly)) < 2:
        return False
    return bool(abs(np.corrcoef(rankdata(weekly), np.arange(len(weekly)))[0, 1]) >= MOVES_FROM)


def learn_distances(
    binned: Binned, periods: Periods, weights: Mapping[str, Mapping[str, float]], rule: OrdinaryRule
) -> dict[str, Threshold]:
    """Thresholds of statistics, each Σ weight × distance over columns, all from one resampling."""
    matrix = np.array([[of.get(name, 0.0) for name in binned.columns] for of in weights.values()])
    generator = np.random.default_rng(rule.seed)
    by_week = [np.flatnonzero(periods.week == week) for week in range(periods.weeks)]
    values = []
    for inside, outside, times in periods.draws(rule.resamples, generator):
        drawn = [_rows(by_week, weeks, periods.customer, times, rule.rows, generator) for weeks in (inside, outside)]
        if all(len(rows) for rows in drawn):
            current, reference = (binned.counts(rows) for rows in drawn)
            values.append(matrix @ binned.distances(current, reference))
    found = np.array(values)
    return {name: threshold(found[:, i], rule, periods.weeks) for i, name in enumerate(weights)}


def _rows(
    by_week: Sequence[Positions],
    weeks: Positions,
    customer: Positions,
    times: Array,
    most: int,
    generator: np.random.Generator,
) -> Positions:
    """Rows of these weeks, each as often as its customer was drawn; of many, a sample."""
    rows = np.concatenate([by_week[week] for week in weeks]) if len(weeks) else np.empty(0, dtype=np.int64)
    repeated = np.repeat(rows, times[customer[rows]].astype(np.int64))
    return repeated if len(repeated) <= most else repeated[generator.integers(0, len(repeated), most)]
