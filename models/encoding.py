"""Frames to matrices: numbers stay numbers, categories become codes, both learned once in training.

What a company further knows of its customers (``attr_…``) comes as text and without a word of what it is.
Where every value is a number, and there are many different ones, it is a number; else it is a category. So
codes such as 1, 2, 3 are categories, and a column that names each customer differently has little to tell.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.errors import MissingColumns
from models.metrics import Array

MAX_LEVELS = 100  # of a column that the contract names
MAX_ATTRIBUTE_LEVELS = 20
LARGEST = 1e15  # no count, amount of money or number of days is beyond it; squares of it can still be added up


@dataclass(frozen=True)
class Encoder:
    """Column order and categories of a training frame.

    A category not seen there is missing (NaN); in a ``crowded`` column, which had too many of them, it shares
    a code with all but the most frequent ones.
    """

    numeric: tuple[str, ...]
    categories: dict[str, tuple[str, ...]]
    crowded: frozenset[str] = frozenset()

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        numeric: tuple[str, ...],
        categorical: tuple[str, ...],
        attributes: tuple[str, ...] = (),
    ) -> "Encoder":
        """Learn the categories, and which of the attributes are numbers.

        Raises:
            MissingColumns: a feature is not in the frame.
        """
        require_columns(frame, (*numeric, *categorical, *attributes))
        numbers = tuple(name for name in attributes if is_number(frame[name]))
        limits = dict.fromkeys(categorical, MAX_LEVELS)
        limits |= dict.fromkeys([name for name in attributes if name not in numbers], MAX_ATTRIBUTE_LEVELS)
        levels = {name: frame[name].value_counts() for name in limits}
        return cls(
            (*numeric, *numbers),
            {name: _most_frequent(levels[name], limit) for name, limit in limits.items()},
            frozenset(name for name, limit in limits.items() if len(levels[name]) > limit),
        )

    @property
    def features(self) -> tuple[str, ...]:
        return (*self.numeric, *self.categories)

    @property
    def categorical_positions(self) -> list[int]:
        return list(range(len(self.numeric), len(self.features)))

    def transform(self, frame: pd.DataFrame) -> Array:
        """(rows, features) matrix, columns as in ``features``.

        Raises:
            MissingColumns: a feature is not in the frame.
        """
        require_columns(frame, self.features)
        matrix = np.full((len(frame), len(self.features)), np.nan)
        for position, name in enumerate(self.numeric):
            matrix[:, position] = to_numbers(frame[name])
        for position, (name, known) in enumerate(self.categories.items(), start=len(self.numeric)):
            codes = pd.Categorical(frame[name], categories=list(known)).codes
            unknown = np.where(frame[name].notna() & (name in self.crowded), len(known), np.nan)
            matrix[:, position] = np.where(codes < 0, unknown, codes)
        return matrix

    def sample(self, frame: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
        """At most so many rows of the features, numbers as numbers: what later data is compared with."""
        drawn = frame[list(self.features)].sample(min(rows, len(frame)), random_state=seed)
        texts = [name for name in self.numeric if not pd.api.types.is_numeric_dtype(drawn[name])]
        return drawn.assign(**{name: to_numbers(drawn[name]) for name in texts})


def attributes(frame: pd.DataFrame, prefix: str = "attr_") -> tuple[str, ...]:
    """The columns that hold what else the company knows of its customers."""
    return tuple(sorted(name for name in frame.columns if name.startswith(prefix)))


def to_numbers(column: pd.Series) -> Array:
    """As floats; what is no finite number, or beyond ``LARGEST``, is missing."""
    known = column if pd.api.types.is_numeric_dtype(column) else pd.to_numeric(column, errors="coerce")
    return within_bounds(known.to_numpy(dtype=float, na_value=np.nan))


def within_bounds(numbers: Array) -> Array:
    """NaN in place of what is infinite or beyond ``LARGEST``."""
    return np.where(np.abs(numbers) <= LARGEST, numbers, np.nan)


def is_number(column: pd.Series) -> bool:
    """Whether an attribute is a number: every value is one, and there are more of them than levels are kept."""
    different = pd.Series(column.dropna().unique())
    return len(different) > MAX_ATTRIBUTE_LEVELS and bool(np.isfinite(to_numbers(different)).all())


def _most_frequent(counts: pd.Series, limit: int) -> tuple[str, ...]:
    """In alphabetical order; among equally frequent ones the first in it."""
    kept = counts.sort_index().sort_values(ascending=False, kind="stable").index[:limit]
    return tuple(sorted(kept))


def require_columns(frame: pd.DataFrame, columns: tuple[str, ...]) -> None:
    require_names(frame.columns, columns)


def require_names(given: Collection[str], wanted: tuple[str, ...]) -> None:
    missing = [name for name in wanted if name not in given]
    if missing:
        raise MissingColumns(missing)


def signed_log(values: Array) -> Array:
    """Logarithms of amounts and counts that may be 0 or, after returns, below."""
    return np.sign(values) * np.log1p(np.abs(values))
