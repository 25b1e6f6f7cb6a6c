"""What a plan is made from: the problem, and where each of its figures comes from."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from models.budget.problem import Problem

Origin = Literal["assumed", "given", "given and history", "history"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a channel's cost and return come from, in words; nothing is incremental without a control group."""

    channel: str
    cost: Literal["assumed", "given"]
    unit_return: Origin
    is_measured: bool
    words: str


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What to solve, whence it comes, and today's plan where the table tells it (units by channel, segment, …)."""

    problem: Problem
    sources: tuple[Source, ...]
    current: pd.DataFrame | None
