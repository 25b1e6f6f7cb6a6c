"""Two variants compared on what their customers brought, one metric at a time.

The metric of a variant is a ratio, reward over units. Customers were dealt to variants, so customers are what varies:
each one's part in the difference is linearised (delta method; Deng, Knoblich & Lu, KDD 2018) and summed over all that
the customer did, at every step of the ramp and with either variant, before it is squared.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandera.typing.pandas import DataFrame

from infra.loop_contracts import ArmOutcomes

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]


@dataclass(frozen=True)
class ArmRows:
    """ArmOutcomes as arrays of equal length; customers and steps are numbered from 0, in the order of the steps.

    ``before_units`` and ``before_reward`` are 0 where nothing is known of the time before.
    """

    customer: Codes
    step: Codes
    is_challenger: npt.NDArray[np.bool_]
    units: Array
    reward: Array
    before_units: Array
    before_reward: Array

    def of(self, chosen: npt.NDArray[np.bool_]) -> "ArmRows":
        return ArmRows(*(column[chosen] for column in vars(self).values()))


@dataclass(frozen=True)
class Comparison:
    """Challenger less champion, the variance of that, and what it was made of.

    ``champion`` and ``rate`` are the champion's and everybody's ratio, ``weights`` those of the steps (sum 1),
    ``customers`` how many each variant answered: champion, challenger.
    """

    difference: float
    variance: float
    champion: float
    rate: float
    weights: Array
    customers: tuple[int, int]


def arm_rows(outcomes: DataFrame[ArmOutcomes]) -> ArmRows:
    """The rows that have units or reward."""
    said = outcomes[(outcomes["units"] > 0) | (outcomes["reward"] != 0)]
    known = said["before_units"].notna() & said["before_reward"].notna()
    before = said[["before_units", "before_reward"]].where(known, 0.0).to_numpy(dtype=float)
    return ArmRows(
        customer=pd.factorize(said["pseudonym"])[0],
        step=said["step"].to_numpy(dtype=np.intp),
        is_challenger=(said["variant"] == "challenger").to_numpy(dtype=bool),
        units=said["units"].to_numpy(dtype=float),
        reward=said["reward"].to_numpy(dtype=float),
        before_units=before[:, 0],
        before_reward=before[:, 1],
    )


def customers_of(rows: ArmRows) -> tuple[int, int]:
    """How many each variant answered: champion, challenger. Who had both counts for both."""
    champion, challenger = (np.bincount(rows.customer[rows.is_challenger == side]) for side in (False, True))
    return int(np.count_nonzero(champion)), int(np.count_nonzero(challenger))


def compare_arms(rows: ArmRows) -> Comparison | None:
    """Compare within each step, then weigh the steps; None where no step has units with both variants.

    Within a step the challenger's reward less what its units would bring at the step's common ratio is
    w (challenger's ratio - champion's ratio), with w = units · units / (units + units) (Mantel & Haenszel, J. Natl.
    Cancer Inst. 22, 1959). Sums of both over the steps, divided, are the difference. What customers brought before the
    experiment is taken off with one slope for both variants (CUPED; Deng, Xu, Kohavi & Walker, WSDM 2013).

    The variance is the larger of two estimates. That by linearised parts allows the variants to vary differently; but
    a small arm with few rewards knows its own variance badly, and errs to the low side just when it seems far off.
    That of dealing the same customers anew needs every customer alike and does not have this fault.
    """
    units = _by_cell(rows, rows.units)
    is_usable = np.all(units > 0, axis=1)
    if not is_usable.any():
        return None
    if not is_usable.all():
        rows = rows.of(is_usable[rows.step])
        units = np.where(is_usable[:, None], units, 0.0)
    now = _Ratio.of(rows, rows.units, rows.reward, units)
    before = _Ratio.of(rows, rows.before_units, rows.before_reward, _by_cell(rows, rows.before_units))
    slope = _slope(rows, now.residual, before.residual, len(units))[rows.step]
    total = now.weight.sum()
    residual = now.residual - slope * before.residual
    difference = residual[rows.is_challenger].sum() / total
    customers = customers_of(rows)
    smaller = max(min(customers), 2)
    part = np.bincount(rows.customer, now.part - slope * before.part)
    of_parts = float(part @ part) * smaller / (smaller - 1)
    variance = float(max(of_parts, _redealt_variance(rows, residual, len(units))) / total**2)
    champion = float(now.weight @ now.ratio[:, 0] / total)
    return Comparison(
        float(difference), variance, champion, float(now.common @ units.sum(axis=1) / units.sum()),
        now.weight / total, customers,
    )  # fmt: skip


@dataclass(frozen=True)
class _Ratio:
    """A ratio at each step (rows) with champion and challenger (columns), and every row's place in it."""

    ratio: Array
    common: Array
    weight: Array
    residual: Array
    part: Array

    @classmethod
    def of(cls, rows: ArmRows, units: Array, reward: Array, cells: Array) -> "_Ratio":
        rewards = _by_cell(rows, reward, len(cells))
        both = cells.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(cells > 0, rewards / cells, 0.0)
            common = np.where(both > 0, rewards.sum(axis=1) / both, 0.0)
            share = np.where(both[:, None] > 0, cells / both[:, None], 0.0)
        arm = rows.is_challenger.astype(np.intp)
        # the challenger's units weigh by the champion's share of them, and the other way round
        pull = np.where(rows.is_challenger, share[rows.step, 0], -share[rows.step, 1])
        is_two_sided = np.all(cells > 0, axis=1)[rows.step]
        residual = np.where(is_two_sided, reward - common[rows.step] * units, 0.0)
        part = np.where(is_two_sided, pull * (reward - ratio[rows.step, arm] * units), 0.0)
        return cls(ratio, common, np.where(both > 0, cells[:, 0] * share[:, 1], 0.0), residual, part)


def _by_cell(rows: ArmRows, values: Array, steps: int = 0) -> Array:
    """Sums by step and variant."""
    steps = max(steps, int(rows.step.max(initial=-1)) + 1)
    sums = np.bincount(2 * rows.step + rows.is_challenger, values, 2 * steps).astype(float)
    return sums.reshape(steps, 2)


def _slope(rows: ArmRows, residual: Array, before: Array, steps: int) -> Array:
    """At each step, by how much what came before moves what comes; 0 where nothing is known of before."""
    square = np.bincount(rows.step, before * before, steps)
    product = np.bincount(rows.step, residual * before, steps)
    return np.divide(product, square, out=np.zeros(steps), where=square > 0)


def _redealt_variance(rows: ArmRows, residual: Array, steps: int) -> float:
    """Variance of the challenger's sum of residuals if the same customers were dealt again.

    A customer's place in the ramp stays: who is the challenger's at a lower share is at every higher one, so two
    steps vary together by (lower share) (1 - higher share).
    """
    customers = int(rows.customer.max()) + 1
    place = rows.customer * steps + rows.step
    seen = np.bincount(place, residual, customers * steps).reshape(customers, steps)
    count = np.maximum(_by_cell(rows, np.ones(len(residual)), steps), 1e-300)
    share = count[:, 1] / count.sum(axis=1)
    together = np.minimum.outer(share, share) * (1 - np.maximum.outer(share, share))
    return float(((seen @ together) * seen).sum()) * customers / max(customers - 1, 1)
