"""Bootstrap over whole customers for everything that is a function of sums: rates, ratios, R²."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from models.metrics import Array, Metric, interval

RESAMPLES = 200
SEED = 20170101
MIN_CUSTOMERS = 20


def resampled_sums(customers: pd.Series, values: Array) -> Array:
    """Sums of the columns of ``values``, once a resample of customers (rows of the answer).

    A customer's rows stay together: they are summed first, so that a resample costs one product however many
    rows there are.
    """
    codes, unique = pd.factorize(customers)
    sums = np.column_stack([np.bincount(codes, column, len(unique)) for column in values.T])
    generator = np.random.default_rng(SEED)
    draws = (np.bincount(generator.integers(0, len(unique), len(unique)), minlength=len(unique)) for _ in _resamples())
    return np.array([draw @ sums for draw in draws])


def ratio(customers: pd.Series, above: Array, below: Array) -> Metric:
    """Σ above / Σ below with its 95 % interval."""
    return of_sums(customers, np.column_stack([above, below]), lambda sums: sums[..., 0] / sums[..., 1])


def of_sums(customers: pd.Series, values: Array, function: Callable[[Array], Array]) -> Metric:
    """A function of the column sums of ``values`` (along the last axis) with its 95 % interval."""
    with np.errstate(divide="ignore", invalid="ignore"):
        point = float(function(values.sum(axis=0)))
        return interval(point, function(resampled_sums(customers, values)).tolist())


def ratios_by_group(customers: pd.Series, group: np.ndarray, above: Array, below: Array) -> list[Metric]:
    """Σ above / Σ below of each group 0, 1, …, with 95 % intervals; every resample draws from all customers."""
    groups = int(group.max()) + 1
    belongs = group[:, None] == np.arange(groups)
    values = np.column_stack([belongs * above[:, None], belongs * below[:, None]])
    with np.errstate(divide="ignore", invalid="ignore"):
        total, resampled = values.sum(axis=0), resampled_sums(customers, values)
        points, draws = total[:groups] / total[groups:], resampled[:, :groups] / resampled[:, groups:]
    return [interval(float(point), draws[:, i].tolist()) for i, point in enumerate(points)]


def _resamples() -> range:
    return range(RESAMPLES)
