"""Scoring a few rows in microseconds: what ``predict`` says of a frame, for rows as a service has them.

A model's ``scorer`` puts three things together: how rows become the model's matrix, what the model says of a matrix
(the same arithmetic that ``predict`` goes through), and the contract of what it says. It is made when a service loads a
version and is never saved: all that it holds comes from the fitted model.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeAlias

import numpy as np
from pandera.dtypes import is_int

from infra.contracts import Contract
from models.metrics import Array
from models.row_encoding import Row, RowEncoder


@dataclass(frozen=True)
class Scored:
    """What is said of each row: the columns of ``predict`` as Python values, None where there is none.

    ``fingerprints`` are 16 hexadecimal digits a row that tell whether a model saw the same features.
    """

    values: dict[str, list[Any]]
    fingerprints: list[str]


Scorer: TypeAlias = Callable[[Sequence[Row]], Scored]


def compiled(
    encode: RowEncoder, judge: Callable[[Array], Mapping[str, np.ndarray]], contract: type[Contract]
) -> Scorer:
    """A scorer of rows; ``judge`` gives the columns of the ``contract`` for a matrix of any number of rows."""
    whole = {name for name, column in contract.to_schema().columns.items() if is_int(column.dtype)}

    def score(rows: Sequence[Row]) -> Scored:
        matrix = encode(rows)
        values = {name: _plain(column, name in whole) for name, column in judge(matrix).items()}
        return Scored(values, fingerprints(matrix))

    return score


def fingerprints(matrix: Array) -> list[str]:
    """One per row, from the bytes of its numbers; 0 and -0 are one number, and so is every NaN."""
    numbers = np.where(np.isnan(matrix), np.nan, matrix + 0.0)
    return [blake2b(row, digest_size=8).hexdigest() for row in numbers]


def _plain(column: np.ndarray, is_whole: bool) -> list[Any]:
    values = column.tolist()
    if column.dtype.kind != "f":
        return values
    return [None if value != value else int(value) if is_whole else value for value in values]
