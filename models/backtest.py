"""Evaluation on time later than training: one reported window, and earlier ones to make choices on."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from models.errors import TooLittleHistory
from models.fitted import Fitted
from models.metrics import Metrics


@dataclass(frozen=True)
class Window:
    """Training uses what was known at ``origin``; evaluation what happened from there to ``end``."""

    origin: pd.Timestamp
    end: pd.Timestamp


@dataclass(frozen=True)
class Rehearsal:
    """How training went on an earlier window; ``losses`` per number of boosting rounds, where there are any."""

    metrics: Metrics
    losses: pd.Series | None = None


@dataclass(frozen=True)
class Backtest:
    """A model with its metrics on the reported window, beside those on earlier ones (keyed by origin).

    ``later`` holds the rows it was evaluated on, so that another version can be scored on the same.
    """

    fitted: Fitted
    metrics: Metrics
    earlier: dict[str, Metrics]
    window: Window
    later: pd.DataFrame


class Model(Protocol):
    """The shape of a model's module; ``models/catalog.py`` lists them."""

    Params: Any

    def windows(self, as_of: pd.Timestamp, params: Any) -> list[Window]: ...
    def first_possible(self, first_event: pd.Timestamp, params: Any) -> pd.Timestamp: ...
    def split(self, frame: Any, window: Window, params: Any) -> tuple[pd.DataFrame, pd.DataFrame]: ...
    def rehearse(self, past: Any, later: Any, params: Any) -> Rehearsal: ...
    def train(self, frame: Any, params: Any) -> Fitted: ...
    def predict(self, fitted: Fitted, frame: pd.DataFrame) -> pd.DataFrame: ...
    def evaluate(self, fitted: Fitted, frame: Any, params: Any) -> Metrics: ...


def backtest(model: Model, frame: pd.DataFrame, as_of: pd.Timestamp, params: Any) -> Backtest:
    """Choose on earlier windows, train before the last one, report on it.

    Earlier windows with too little history are left out.

    Raises:
        TooLittleHistory: not even the reported window has enough examples.
    """
    *earlier, reported = model.windows(as_of, params)
    past, later = _split(model, frame, reported, params)
    rehearsals: dict[str, Rehearsal] = {}
    for window in earlier:
        try:
            rehearsals[f"{window.origin:%Y-%m-%d}"] = model.rehearse(*_split(model, frame, window, params), params)
        except TooLittleHistory:
            continue
    params = _choose_rounds(params, [r.losses for r in rehearsals.values() if r.losses is not None])
    fitted = model.train(past, params)
    metrics = model.evaluate(fitted, later, params)
    return Backtest(fitted, metrics, {origin: r.metrics for origin, r in rehearsals.items()}, reported, later)


def _split(model: Model, frame: pd.DataFrame, window: Window, params: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    past, later = model.split(frame, window, params)
    if later.empty:
        raise TooLittleHistory(f"nothing to evaluate on between {window.origin:%Y-%m-%d} and {window.end:%Y-%m-%d}")
    return past, later


def _choose_rounds(params: Any, losses: list[pd.Series]) -> Any:
    """The number of rounds with the least mean loss over the earlier windows; unchanged without any."""
    if not losses:
        return params
    return replace(params, rounds=int(np.argmin(pd.concat(losses, axis=1).mean(axis=1))) + 1)
