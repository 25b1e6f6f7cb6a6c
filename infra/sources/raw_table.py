"""What every source hands over."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

UNJUDGED = "given_unjudged"  # a column of a relation: true where nobody can say whether the row was to be taken


@dataclass(frozen=True)
class Conventions:
    """How texts of one input are to be read where they do not say so themselves; None: by what a column shows."""

    time_zone: str = "UTC"
    day_first: bool | None = None
    decimal_comma: bool | None = None


@dataclass(frozen=True)
class RawTable:
    """Rows of one table of the raw contract as a source sees them; nothing has been read yet.

    ``relation`` is a DuckDB SELECT whose column names are the contract's (``given_<column>`` beside a
    computed one says what it was computed from, where that could not be read); ``prepare`` makes
    ready what the relation refers to on a connection, such as an attached database; ``frames`` are
    tables in memory that it refers to; ``synthetic`` names columns that are made up, so that every
    report can say so; ``origin`` says in words where the rows come from; ``unread`` is the file's
    lines that are no rows: a relation of (place, problem, text), asked for after the rows;
    ``empties_are_null``: words that mean nothing (NULL, n/a …) are NULL already; ``mapping``: our
    column ← theirs, or the expression it is computed by, as people read it.
    """

    name: str
    relation: str
    synthetic: tuple[str, ...] = ()
    frames: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    prepare: Callable[[Any], None] | None = None
    origin: str = ""
    conventions: Conventions = Conventions()
    unread: str | None = None
    empties_are_null: bool = False
    mapping: Mapping[str, str] = field(default_factory=dict)
