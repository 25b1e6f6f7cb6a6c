"""How far apart two samples lie, column by column, by the definitions that Evidently uses.

Of numbers the Wasserstein distance in standard deviations of the reference, of categories the Jensen-Shannon
distance (natural logarithm). Missing numbers are left out, missing categories are one of their own.
"""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

Array = npt.NDArray[np.float64]

MAX_LEVELS = 100  # of a category: samples tell nothing of rarer ones
BINS = 256
EXTREMES = 32  # values at either end that have a bin of their own: far from the others, they weigh much
LEAST_DEVIATION = 0.001  # Evidently's: what hardly varies is not divided by nothing
GROUPS = 8
LEAST_SHARE = 0.5  # of its usual deviation: a few weeks alone may hardly vary, and no reference is made of such


def sampled(frame: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    """At most so many rows, drawn at random."""
    return frame if len(frame) <= rows else frame.sample(rows, random_state=seed)


def prepared(current: pd.DataFrame, reference: pd.DataFrame, columns: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Numbers as floats, categories as texts: what is not among the usual values of the reference is "other"."""
    numeric = [name for name in columns if pd.api.types.is_numeric_dtype(reference[name])]
    usual = {name: reference[name].value_counts().index[:MAX_LEVELS] for name in columns if name not in numeric}
    one, other = (_prepared(frame, numeric, usual) for frame in (current, reference))
    return one, other


def _prepared(frame: pd.DataFrame, numeric: list[str], usual: Mapping[str, pd.Index]) -> pd.DataFrame:
    columns: dict[Hashable, Any] = {}
    for name in numeric:
        given = frame[name]  # attributes come as text
        known = given if pd.api.types.is_numeric_dtype(given) else pd.to_numeric(given, errors="coerce")
        columns[name] = known.to_numpy(dtype=float, na_value=np.nan)
    for name, values in usual.items():
        told = frame[name].to_numpy(dtype=object)
        columns[name] = np.where(frame[name].isna(), "missing", np.where(frame[name].isin(values), told, "other"))
    return pd.DataFrame(columns)


def distances(current: pd.DataFrame, reference: pd.DataFrame) -> pd.Series:
    """One per column of two ``prepared`` frames."""
    return pd.Series({name: _distance(current[name], reference[name]) for name in reference}, dtype=float)


def _distance(current: pd.Series, reference: pd.Series) -> float:
    if pd.api.types.is_numeric_dtype(reference):
        ours, theirs = (values[~np.isnan(values)] for values in (current.to_numpy(float), reference.to_numpy(float)))
        return float(wasserstein_distance(theirs, ours) / max(theirs.std(), LEAST_DEVIATION))
    counts = pd.concat([current.value_counts(), reference.value_counts()], axis=1).fillna(0.0).to_numpy(float)
    return float(jensenshannon(counts[:, 0], counts[:, 1]))


def farthest(reference: pd.DataFrame) -> pd.Series:
    """How far a column lies off of which nothing is left: one per column of the reference.

    Every number as far as the farthest value that the reference knows, in its standard deviations; of categories
    √(ln 2), the largest Jensen-Shannon distance. Times the share of rows that had a value: of one that nearly no row
    had, a sample without any is no surprise.
    """
    found = {str(name): _farthest(reference[name]) * float(reference[name].notna().mean()) for name in reference}
    return pd.Series(found, dtype=float)


def _farthest(column: pd.Series) -> float:
    if not pd.api.types.is_numeric_dtype(column):
        return float(np.sqrt(np.log(2)))
    known = column.dropna().to_numpy(dtype=float)
    ends = (np.abs(known - end).mean() for end in (known.min(), known.max()))
    return float(max(*ends, LEAST_DEVIATION) / max(known.std(), LEAST_DEVIATION))


class Binned:
    """Rows cut into at most 256 bins a column, so that the distances of any weighing of them cost a sum over bins.

    A number stands for the mean of its bin: the distance is that of ``distances`` but for movements within bins, of
    which each holds 1/192 of the rows, and the farthest values are by themselves.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.columns = [str(name) for name in frame]
        codes = np.empty(frame.shape, dtype=np.int64)
        self._values = np.zeros((len(self.columns), BINS))
        self._is_number = np.array([pd.api.types.is_numeric_dtype(frame[name]) for name in frame], dtype=bool)
        for position, name in enumerate(frame):
            if self._is_number[position]:
                codes[:, position], self._values[position] = _number_bins(frame[name].to_numpy(float, na_value=np.nan))
            else:
                codes[:, position] = np.minimum(pd.factorize(frame[name].fillna("missing"))[0], BINS - 1)
        self._flat = codes + np.arange(len(self.columns)) * (BINS + 1)
        self.deviations = self._deviations(_shares(self.counts(np.arange(len(frame)))))

    def counts(self, rows: npt.NDArray[np.int64]) -> Array:
        """(columns, bins) of the rows at these positions, repeated ones counted again."""
        size = len(self.columns) * (BINS + 1)
        found = np.bincount(self._flat[rows].ravel(), minlength=size).reshape(-1, BINS + 1)
        return found[:, :BINS].astype(float)  # the last one holds what is missing

    def distances(self, current: Array, reference: Array) -> Array:
        """One per column, of two ``counts``; 0 where one of them has no value.

        Numbers are divided by the deviation in the reference, or by half of that in all rows where this is more.
        """
        p, q = _shares(current), _shares(reference)
        gaps = np.diff(self._values, axis=1)
        moved = (np.abs(np.cumsum(p - q, axis=1)[:, :-1]) * gaps).sum(axis=1)
        deviation = np.maximum(self._deviations(q), LEAST_SHARE * self.deviations)
        found = np.where(self._is_number, moved / np.maximum(deviation, LEAST_DEVIATION), 0.0)
        if not self._is_number.all():
            is_text = ~self._is_number
            found[is_text] = _jensen_shannon(p[is_text], q[is_text])
        has_both = (current.sum(axis=1) > 0) & (reference.sum(axis=1) > 0)
        return np.where(has_both, found, 0.0)

    def mean_ranks(self, group: npt.NDArray[np.int64]) -> dict[str, Array]:
        """Of each number the mean rank (of its bins) in every group 0, 1, …; missing where a group has no value."""
        found, groups = {}, int(group.max()) + 1
        for position in np.flatnonzero(self._is_number):
            codes = self._flat[:, position] - position * (BINS + 1)
            is_known = codes < BINS
            sizes = np.bincount(group[is_known], minlength=groups)
            sums = np.bincount(group[is_known], codes[is_known], groups)
            found[str(self.columns[position])] = np.where(sizes > 0, sums / np.maximum(sizes, 1), np.nan)
        return found

    def _deviations(self, shares: Array) -> Array:
        mean = (shares * self._values).sum(axis=1, keepdims=True)
        return np.asarray(np.sqrt((shares * (self._values - mean) ** 2).sum(axis=1)))


def _shares(counts: Array) -> Array:
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0))


def _number_bins(values: Array) -> tuple[npt.NDArray[np.int64], Array]:
    """Each value's bin (the last one for what is missing) and the mean of each bin, rising."""
    is_known = ~np.isnan(values)
    known = values[is_known]
    codes = np.full(len(values), BINS, dtype=np.int64)
    means = np.zeros(BINS)
    if not len(known):
        return codes, means
    edges = np.unique(known)
    if len(edges) > BINS:
        ordered = np.sort(known)
        inner = np.quantile(known, np.linspace(0, 1, BINS - 2 * EXTREMES + 2)[1:-1])
        edges = np.unique(np.concatenate([ordered[:EXTREMES], inner, ordered[-EXTREMES:]]))[-BINS:]
    codes[is_known] = np.minimum(np.searchsorted(edges, known), len(edges) - 1)
    sums = np.bincount(codes[is_known], known, BINS)
    sizes = np.bincount(codes[is_known], minlength=BINS)
    means[: len(edges)] = np.where(sizes > 0, sums / np.maximum(sizes, 1), 0.0)[: len(edges)]
    means[len(edges) :] = means[len(edges) - 1]
    return codes, np.maximum.accumulate(means)


def _jensen_shannon(p: Array, q: Array) -> Array:
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        divergence = np.nansum(np.where(p > 0, p * np.log(p / middle), 0.0), axis=1)
        divergence += np.nansum(np.where(q > 0, q * np.log(q / middle), 0.0), axis=1)
    return np.sqrt(np.maximum(divergence, 0.0) / 2)


def sampling_error(current: pd.DataFrame, reference: pd.DataFrame, weights: pd.Series, seed: int) -> float:
    """The standard error of Σ weight × distance that comes of sampling rows: a jackknife over eight random groups.

    ``current`` and ``reference`` are ``prepared``; ``weights`` by column (Efron & Tibshirani, An Introduction to the
    Bootstrap, 1993, chapter 11, with groups in place of rows).
    """
    binned = Binned(pd.concat([current, reference], ignore_index=True))
    group = np.random.default_rng(seed).integers(0, GROUPS, len(current) + len(reference))
    is_current = np.arange(len(group)) < len(current)
    parts = [
        [binned.counts(np.flatnonzero((group == g) & side)) for g in range(GROUPS)]
        for side in (is_current, ~is_current)
    ]
    wholes = [np.sum(part, axis=0) for part in parts]
    order = weights.reindex(binned.columns).to_numpy(float)
    left = np.array([order @ binned.distances(wholes[0] - parts[0][g], wholes[1] - parts[1][g]) for g in range(GROUPS)])
    return float(np.sqrt((GROUPS - 1) / GROUPS * ((left - left.mean()) ** 2).sum()))
