"""Two variants compared on what their customers brought, one metric at a time.

The metric of a variant is a ratio, reward over units. Customers were dealt to variants, so customers are what varies:
each one's part in the difference is linearised (delta method; Deng, Knoblich & Lu, KDD 2018) and summed over all that
the customer did, at every step of the ramp and with either variant, before it is squared.
"""

from dataclasses import dataclass, replace

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
    cell = 2 * rows.step + rows.is_challenger
    steps = int(rows.step.max(initial=-1)) + 1
    units = _by_cell(cell, rows.units, steps)
    is_usable = np.all(units > 0, axis=1)
    if not is_usable.any():
        return None
    if not is_usable.all():
        return _without_idle_steps(rows, is_usable)
    now = _Ratio.of(cell, rows.units, rows.reward, units)
    before = _Ratio.of(cell, rows.before_units, rows.before_reward, _by_cell(cell, rows.before_units, steps))
    slope = _slope(rows.step, now.residual, before.residual, steps)[rows.step]
    total = now.weight.sum()
    residual = now.residual - slope * before.residual
    customers = customers_of(rows)
    smaller = max(min(customers), 2)
    part = np.bincount(rows.customer, now.part - slope * before.part)
    of_parts = float(part @ part) * smaller / (smaller - 1)
    of_dealing = _redealt_variance(rows, residual, _by_cell(cell, np.ones(len(cell)), steps))
    return Comparison(
        difference=float(residual[rows.is_challenger].sum() / total),
        variance=max(of_parts, of_dealing) / float(total) ** 2,
        champion=float(now.weight @ now.ratio[:, 0] / total),
        rate=float(rows.reward.sum() / units.sum()),
        weights=now.weight / total,
        customers=customers,
    )


def _without_idle_steps(rows: ArmRows, is_usable: npt.NDArray[np.bool_]) -> Comparison | None:
    kept = rows.of(is_usable[rows.step])
    found = compare_arms(replace(kept, step=(np.cumsum(is_usable) - 1)[kept.step]))
    if found is None:
        return None
    weights = np.zeros(len(is_usable))
    weights[is_usable] = found.weights
    return replace(found, weights=weights)


@dataclass(frozen=True)
class _Ratio:
    """A ratio at each step (rows) with champion and challenger (columns), and what every row has to do with it.

    ``residual`` is the reward beyond what units bring at the step, ``part`` what the row moves the weighed difference
    by. Steps where one variant has no units have no weight and move nothing.
    """

    ratio: Array
    weight: Array
    residual: Array
    part: Array

    @classmethod
    def of(cls, cell: Codes, units: Array, reward: Array, cells: Array) -> "_Ratio":
        rewards = _by_cell(cell, reward, len(cells))
        is_known = np.all(cells > 0, axis=1, keepdims=True)
        both = np.where(is_known, cells.sum(axis=1, keepdims=True), 1.0)
        ratio = np.where(is_known, rewards / np.where(is_known, cells, 1.0), 0.0)
        common = np.repeat(rewards.sum(axis=1) / both[:, 0], 2)
        # a variant's units weigh by the other's share of them
        pull = np.where(is_known, cells[:, ::-1] * [-1, 1] / both, 0.0).ravel()
        residual = (reward - common[cell] * units) * (pull != 0)[cell]
        part = (reward - ratio.ravel()[cell] * units) * pull[cell]
        return cls(ratio, np.where(is_known, cells[:, :1] * cells[:, 1:] / both, 0.0)[:, 0], residual, part)


def _by_cell(cell: Codes, values: Array, steps: int) -> Array:
    """Sums by step and variant."""
    return np.bincount(cell, values, 2 * steps).astype(float).reshape(steps, 2)


def _slope(step: Codes, residual: Array, before: Array, steps: int) -> Array:
    """At each step, by how much what came before moves what comes; 0 where nothing is known of before."""
    square = np.bincount(step, before * before, steps)
    product = np.bincount(step, residual * before, steps)
    return np.divide(product, square, out=np.zeros(steps), where=square > 0)


def _redealt_variance(rows: ArmRows, residual: Array, counts: Array) -> float:
    """Variance of the challenger's sum of residuals if the same customers were dealt again.

    A customer's place in the ramp stays: who is the challenger's at a lower share is at every higher one, so two
    steps vary together by (lower share) (1 - higher share).
    """
    customers, steps = int(rows.customer.max()) + 1, len(counts)
    place = rows.customer * steps + rows.step
    seen = np.bincount(place, residual, customers * steps).reshape(customers, steps)
    share = counts[:, 1] / np.maximum(counts.sum(axis=1), 1)  # as customers were dealt
    together = np.minimum.outer(share, share) * (1 - np.maximum.outer(share, share))
    return float(((seen @ together) * seen).sum()) * customers / max(customers - 1, 1)
