"""What a profile store holds, and how services ask it, whichever store it is."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import pandas as pd

from infra.errors import AimloopError

KEYS: Mapping[str, tuple[str, ...]] = {
    "customers": ("pseudonym",),
    "customer_product": ("pseudonym", "product_id"),
    "customer_category": ("pseudonym", "category"),
    "products": ("product_id",),
}

Value = float | str | None
"""A number, a text or an instant (ISO 8601, whole seconds); None where it is missing."""
Row = tuple[Value, ...]


class GenerationGone(AimloopError):
    """What a reader had opened is no longer kept: open the profiles anew and ask again."""


class Profiles(Protocol):
    """One published generation, open for reading; threads may share it."""

    @property
    def generation(self) -> str:
        """What ``published`` named when it was opened."""

    @property
    def as_of(self) -> str:
        """The instant up to which the profiles know the world, ISO 8601."""

    @property
    def published_at(self) -> datetime:
        """When they were published, naive UTC."""

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """Table → its columns, those of its key first."""

    def rows(self, table: str, keys: Sequence[tuple[str | None, ...]]) -> list[Row | None]:
        """The row of each key, in the order asked; None where nothing is known.

        Raises:
            GenerationGone: it was opened too long ago.
            AimloopError: the store cannot be read.
        """

    def close(self) -> None:
        """Give back what was opened."""


class Column(NamedTuple):
    """A column as stores keep it; of numbers, NaN stands for a missing one."""

    name: str
    is_numeric: bool
    values: Sequence[Value]


def stored_columns(table: str, frame: pd.DataFrame) -> list[Column]:
    """The columns of a published table, those of its key first."""
    keys = KEYS[table]
    return [_column(frame[name]) for name in (*keys, *(name for name in frame if name not in keys))]


def _column(column: pd.Series) -> Column:
    is_numeric = pd.api.types.is_numeric_dtype(column)
    if is_numeric:
        return Column(str(column.name), is_numeric, column.astype(float).tolist())
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.strftime("%Y-%m-%dT%H:%M:%S")
    return Column(str(column.name), is_numeric, column.astype(object).where(column.notna(), None).tolist())


def fresh_name(generation: str, published: str | None) -> str:
    """The generation's own name, or, where it is published already, one that tells the two apart."""
    return generation if generation != published else f"{generation}.{secrets.token_hex(4)}"


def nothing_published(where: object) -> AimloopError:
    return AimloopError(f"no profiles in {where}", "run a cycle first: `aimloop run`")
