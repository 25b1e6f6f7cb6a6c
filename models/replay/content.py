"""What the report of a replay holds: plain data, as the page shows it and as JSON has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from models.replay.policies import Gain


@dataclass(frozen=True)
class Reign:
    """A champion's time."""

    model: str
    tag: str
    since: pd.Timestamp
    until: pd.Timestamp
    reason: str


@dataclass(frozen=True)
class Trained:
    """A version as its cycle left it, or why there is none."""

    model: str
    tag: str | None
    line: str
    metric: str | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    baseline: float | None = None
    decision: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Check:
    """One look at one judgement of a version in use."""

    model: str
    kind: str
    at: pd.Timestamp
    passed: bool
    value: float
    threshold: float
    reason: str
    decision: str = ""
    is_on: bool = False
    asks: bool = False


@dataclass(frozen=True)
class Turn:
    """One cycle and the block after it; ``largest_gap`` is that between service and batch predictions."""

    number: int
    as_of: pd.Timestamp
    cycle: str
    line: str
    placements: int
    visits: int
    rows: int
    largest_gap: float | None
    seconds: Mapping[str, float]
    quality: Sequence[str]
    trained: Sequence[Trained]


@dataclass(frozen=True)
class Look:
    """One look at an experiment; without an estimate nothing could be said yet."""

    at: pd.Timestamp
    action: str
    share: float | None
    reason: str
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Trial:
    """An experiment from its start to its end, with every look."""

    id: int
    model: str
    champion: str
    challenger: str
    started_at: pd.Timestamp
    ended_at: pd.Timestamp | None
    end: str
    steps: Sequence[tuple[float, pd.Timestamp]]
    metric: str
    looks: Sequence[Look]


@dataclass(frozen=True)
class Reaction:
    """A planted change: when it began, and when each thing that answers it first happened (None: it did not)."""

    kind: str
    at: pd.Timestamp
    steps: Mapping[str, tuple[pd.Timestamp, str] | None]


@dataclass(frozen=True)
class Story:
    """All of it; ``plan`` is what was asked for, ``blocks`` has a row a block with each policy's figures."""

    plan: Mapping[str, Any]
    turns: Sequence[Turn]
    reigns: Sequence[Reign]
    trials: Sequence[Trial]
    checks: Sequence[Check]
    reactions: Sequence[Reaction]
    gains: Sequence[Gain]
    blocks: pd.DataFrame
    assumption: str
    ends: pd.Timestamp

    @property
    def versions(self) -> int:
        """How many were trained."""
        return sum(found.tag is not None for turn in self.turns for found in turn.trained)

    @property
    def begins(self) -> pd.Timestamp:
        return self.turns[0].as_of
