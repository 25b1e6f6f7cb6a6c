"""Evaluation on time later than training: one reported window, and earlier ones to make choices on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd
from threadpoolctl import threadpool_limits

from models.errors import TooLittleHistory
from models.fitted import Fitted
from models.metrics import Metrics
from models.scoring import Scorer


@dataclass(frozen=True)
class Window:
    """Training uses what was known at ``origin``; evaluation what happened from there to ``end``."""

    origin: pd.Timestamp
    end: pd.Timestamp


@dataclass(frozen=True)
class Rehearsal:
    """How a model did on an earlier window, and what its ``choose`` needs to know of it."""

    metrics: Metrics
    evidence: Any = None


@dataclass(frozen=True)
class Backtest:
    """A model with its metrics on the reported window, beside those on earlier ones (keyed by origin).

    ``params`` are those it was trained with, choices made.
    ``past`` holds the rows it learned from, ``later`` those it was evaluated on, so that another version can be scored
    on the same.
    """

    fitted: Fitted
    params: Any
    metrics: Metrics
    earlier: dict[str, Metrics]
    window: Window
    past: pd.DataFrame
    later: pd.DataFrame


class Model(Protocol):
    """The shape of a model's module; ``models/catalog.py`` lists them."""

    Params: Any

    def windows(self, as_of: pd.Timestamp, params: Any) -> list[Window]: ...
    def first_possible(self, first_event: pd.Timestamp, params: Any) -> pd.Timestamp: ...
    def split(self, frame: Any, window: Window, params: Any) -> tuple[pd.DataFrame, pd.DataFrame]: ...
    def rehearse(self, past: Any, later: Any, params: Any) -> Rehearsal: ...
    def choose(self, rehearsals: Sequence[Rehearsal], params: Any) -> Any: ...
    def train(self, frame: Any, params: Any) -> Fitted: ...
    def predict(self, fitted: Fitted, frame: pd.DataFrame) -> pd.DataFrame: ...
    def scorer(self, fitted: Fitted, columns: Sequence[str]) -> Scorer: ...
    def evaluate(self, fitted: Fitted, frame: Any, params: Any) -> Metrics: ...


def backtest(model: Model, frame: pd.DataFrame, as_of: pd.Timestamp, params: Any) -> Backtest:
    """Choose on earlier windows, train before the last one, report on it.

    Earlier windows with too little history are left out.

    Raises:
        TooLittleHistory: not even the reported window has enough examples.
    """
    # our matrices are narrow: a second BLAS thread gains little, and costs tenfold where the machine is busy
    with threadpool_limits(1, user_api="blas"):
        *earlier, reported = model.windows(as_of, params)
        past, later = _split(model, frame, reported, params)
        rehearsals: dict[str, Rehearsal] = {}
        for window in earlier:
            try:
                rehearsals[f"{window.origin:%Y-%m-%d}"] = model.rehearse(*_split(model, frame, window, params), params)
            except TooLittleHistory:
                continue
        params = model.choose(list(rehearsals.values()), params)
        fitted = model.train(past, params)
        metrics = model.evaluate(fitted, later, params)
        return Backtest(
            fitted, params, metrics, {origin: r.metrics for origin, r in rehearsals.items()}, reported, past, later
        )


def _split(model: Model, frame: pd.DataFrame, window: Window, params: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    past, later = model.split(frame, window, params)
    if later.empty:
        raise TooLittleHistory(f"nothing to evaluate on between {window.origin:%Y-%m-%d} and {window.end:%Y-%m-%d}")
    return past, later
