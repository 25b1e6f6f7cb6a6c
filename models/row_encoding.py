"""Rows of values to a matrix: what ``Encoder.transform`` makes of a frame, without the frame.

One row in a frame costs milliseconds to make and to encode, as a tuple microseconds; services ask for a row at a time.
"""

from collections.abc import Callable, Sequence
from operator import getitem, itemgetter
from types import NoneType
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from models.encoding import Encoder, require_names, to_numbers, within_bounds
from models.metrics import Array

Value: TypeAlias = float | str | None
Row: TypeAlias = Sequence[Value]
RowEncoder: TypeAlias = Callable[[Sequence[Row]], Array]

_NUMBERS = frozenset({float, int, bool, NoneType})  # NumPy takes None for NaN


def row_encoder(encoder: Encoder, columns: Sequence[str]) -> RowEncoder:
    """From rows, values in the order of ``columns``, to the encoder's (rows, features) matrix.

    Of a name that occurs twice the first column counts; columns that are no features change nothing.

    Raises:
        MissingColumns: a feature is not among the columns.
    """
    require_names(columns, encoder.features)
    numbers_of, levels_of = _picker(encoder.numeric, columns), _picker(tuple(encoder.categories), columns)
    codes = [_Codes(known, name in encoder.crowded) for name, known in encoder.categories.items()]

    def encode(rows: Sequence[Row]) -> Array:
        values: list[Any] = []
        for row in rows:
            values += _numbers(numbers_of(row))
            values += map(getitem, codes, levels_of(row))
        return within_bounds(np.fromiter(values, float, len(values)).reshape(len(rows), len(encoder.features)))

    return encode


def number_encoder(names: tuple[str, ...], columns: Sequence[str]) -> RowEncoder:
    """The same for columns that are all numbers: what ``to_numbers`` makes of each."""
    return row_encoder(Encoder(names, {}), columns)


def _picker(names: tuple[str, ...], columns: Sequence[str]) -> Callable[[Row], tuple[Any, ...]]:
    positions = [columns.index(name) for name in names]
    if len(positions) > 1:
        return itemgetter(*positions)
    return lambda row: tuple(row[position] for position in positions)  # itemgetter gives one value bare


def _numbers(values: tuple[Any, ...]) -> Sequence[Any]:
    """As they are where they are numbers; text as pandas reads it, which Python's ``float`` does not always."""
    if _NUMBERS.issuperset(map(type, values)):
        return values
    return [value if type(value) in _NUMBERS else _number(value) for value in values]


def _number(value: Any) -> float:
    return float(to_numbers(pd.Series([value], dtype=object))[0])


class _Codes(dict[Any, float]):
    """Level → code; what was not seen in training has the code of the crowd, or none."""

    def __init__(self, known: tuple[Any, ...], is_crowded: bool) -> None:
        super().__init__({level: float(code) for code, level in enumerate(known)} | {None: np.nan})
        self.crowd = float(len(known)) if is_crowded else None

    def __missing__(self, value: Any) -> float:
        return np.nan if self.crowd is None or pd.isna(value) else self.crowd
