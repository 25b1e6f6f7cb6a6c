"""What would another policy have earned on the log of this one? Told before anybody is exposed to it.

Two estimates of the mean reward: inverse propensity (Horvitz & Thompson, J. Am. Stat. Assoc. 47, 1952; self-normalised:
Swaminathan & Joachims, NeurIPS 2015) and doubly robust (Dudík, Langford & Li, ICML 2011). Both suppose that the log
says with which probability each action was chosen, and that every action the new policy takes had a chance.
Intervals are normal, by customer, for one look: they are no confidence sequences.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from monitoring.paired import weighted_mean

Array = npt.NDArray[np.float64]

LEAST_CUSTOMERS = 30


@dataclass(frozen=True)
class PolicyEstimate:
    """The mean reward of a row under the new policy, with its interval.

    ``effective_rows`` (Σw)² / Σw²: as many rows of its own would say as much (Kish). ``clipped`` is the share of rows
    whose weight was cut: where it is not 0 the estimate leans towards what the log's policy did.
    """

    value: float
    low: float
    high: float
    rows: int
    effective_rows: float
    clipped: float


def inverse_propensity(
    customer: pd.Series,
    reward: npt.ArrayLike,
    logged: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    max_weight: float = 20.0,
    normalised: bool = True,
    alpha: float = 0.05,
) -> PolicyEstimate:
    """Rewards weighed by how much more often the new policy takes the logged action.

    Args:
        customer: who; rows of a customer vary together.
        reward: of the logged action.
        logged: the probability with which the log's policy chose that action; it is the log that must say so.
        target: the probability with which the new policy would choose it.
        max_weight: larger weights are cut to it (bias for variance).
        normalised: divide by the sum of the weights, not by the number of rows.
        alpha: one minus the interval's coverage.

    Raises:
        ValueError: a logged propensity is missing or not in (0, 1], a target not in [0, 1], a reward is missing, or
            there are fewer than 30 customers.
    """
    weight, clipped = _weights(logged, target, max_weight)
    total = weight if normalised else np.ones_like(weight)
    if not total.sum() > 0:
        raise ValueError("the new policy takes none of the logged actions: the log says nothing of it")
    return _estimate(customer, weight * np.asarray(reward, dtype=float), total, weight, clipped, alpha)


def doubly_robust(
    customer: pd.Series,
    reward: npt.ArrayLike,
    logged: npt.ArrayLike,
    target: npt.ArrayLike,
    expected: npt.ArrayLike,
    expected_by_target: npt.ArrayLike,
    *,
    max_weight: float = 20.0,
    alpha: float = 0.05,
) -> PolicyEstimate:
    """A model's expectation of the new policy, corrected by the weighed errors that it makes on the log.

    Right where either the propensities or the model are. ``expected`` is the model's reward of the logged action,
    ``expected_by_target`` its mean over the actions of the new policy; the rest as for `inverse_propensity`.
    The model must not have learned from these rows.
    """
    weight, clipped = _weights(logged, target, max_weight)
    modelled, mean = np.asarray(expected, dtype=float), np.asarray(expected_by_target, dtype=float)
    if not (np.isfinite(modelled).all() and np.isfinite(mean).all()):
        raise ValueError("a row has no expected reward")
    value = mean + weight * (np.asarray(reward, dtype=float) - modelled)
    return _estimate(customer, value, np.ones_like(weight), weight, clipped, alpha)


def _weights(logged: npt.ArrayLike, target: npt.ArrayLike, max_weight: float) -> tuple[Array, float]:
    p, q = np.asarray(logged, dtype=float), np.asarray(target, dtype=float)
    if not len(p):
        raise ValueError("no rows: the log says nothing")
    if np.isnan(p).any():
        raise ValueError(f"{np.isnan(p).sum():,} of {len(p):,} rows have no logged propensity: they cannot be weighed")
    if not ((p > 0) & (p <= 1)).all():
        raise ValueError("a logged propensity lies in (0, 1]: what was chosen had a chance")
    if not ((q >= 0) & (q <= 1)).all():  # NaN as well
        raise ValueError("the probability of an action under the new policy lies in [0, 1]")
    weight = q / p
    return np.minimum(weight, max_weight), float((weight > max_weight).mean())


def _estimate(
    customer: pd.Series, value: Array, total: Array, weight: Array, clipped: float, alpha: float
) -> PolicyEstimate:
    """Ratio of the sums with its linearised variance by customer."""
    if not np.isfinite(value).all():
        raise ValueError("a row has no reward")
    codes, names = pd.factorize(customer)
    if len(names) < LEAST_CUSTOMERS:
        raise ValueError(f"{len(names)} customers, {LEAST_CUSTOMERS} are the least that an interval can be told from")
    mean, variance = weighted_mean(*(np.bincount(codes, of).astype(float) for of in (value, total)))
    half = float(ndtri(1 - alpha / 2)) * float(np.sqrt(variance))
    square = float(weight @ weight)
    effective = float(weight.sum()) ** 2 / square if square else 0.0
    return PolicyEstimate(mean, mean - half, mean + half, len(weight), effective, clipped)
