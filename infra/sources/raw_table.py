"""What every source hands over."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True)
class RawTable:
    """One table of the raw contract as a source sees it; nothing has been read yet.

    ``relation`` is a DuckDB SELECT whose column names are the contract's; ``frames`` are tables in
    memory that it refers to; ``synthetic`` names columns that are made up, so that every report
    can say so.
    """

    name: str
    relation: str
    synthetic: tuple[str, ...] = ()
    frames: Mapping[str, pd.DataFrame] = field(default_factory=dict)
