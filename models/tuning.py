"""How trees learn, searched on earlier windows: settings that did better there than the given ones, if any did.

Optuna's tree-structured Parzen estimator proposes them (Bergstra et al., "Algorithms for Hyper-Parameter
Optimization", 2011), seeded. A proposal's loss is the mean over the earlier windows of the best choice each model's
own ``choose`` would have there; the reported window is never split off, let alone looked at.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import optuna
import pandas as pd
from threadpoolctl import threadpool_limits

from models.backtest import Model
from models.errors import TooLittleHistory


@dataclass(frozen=True)
class Range:
    """From ``low`` to ``high``, evenly or evenly in logarithms; whole numbers where ``low`` is one."""

    low: float
    high: float
    log: bool = False

    def suggest(self, trial: optuna.Trial, name: str, given: float) -> float:
        """A value out of the range, which is widened to hold the given one."""
        suggest: Callable[..., float] = trial.suggest_int if isinstance(self.low, int) else trial.suggest_float
        return suggest(name, min(self.low, given), max(self.high, given), log=self.log)


SPACE: dict[str, Range] = {  # of every model whose Params have fields of these names
    "learning_rate": Range(0.02, 0.3, log=True),
    "leaves": Range(4, 127, log=True),
    "min_rows_in_leaf": Range(10, 500, log=True),
    "feature_share": Range(0.3, 1.0),
    "row_share": Range(0.5, 1.0),
    "ridge": Range(0.0, 50.0),
}


@dataclass(frozen=True)
class Tuned:
    """The best parameters, how many trials ran, and the mean loss of the given and of the best parameters.

    ``found`` holds what differs from the given ones, ``given`` what those were; ``windows`` are the origins of the
    windows it was tried on. Without a space or an earlier window, no trial runs.
    """

    params: Any
    trials: int = 0
    loss_before: float = float("nan")
    loss: float = float("nan")
    found: dict[str, float] = field(default_factory=dict)
    given: dict[str, float] = field(default_factory=dict)
    windows: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)  # the machine's, not the search's

    def notes(self) -> dict[str, Any]:
        """For the report of a version."""
        told = {name: getattr(self, name) for name in ("trials", "loss_before", "loss", "found", "given")}
        return told | {"windows": list(self.windows), "seconds": round(self.seconds, 1)}


def tune(model: Model, frame: pd.DataFrame, as_of: pd.Timestamp, params: Any, trials: int, seconds: float) -> Tuned:
    """Search the model's space; the given parameters are the first trial, so that nothing worse comes back.

    A further trial begins while the slowest so far would still end within ``seconds``. Which trials run then depends
    on the machine; that none is kept from running by it makes a run repeatable.

    Raises:
        DisguisedLabel: one feature by itself tells the label.
    """
    began = time.monotonic()
    space = {name: SPACE[name] for name in SPACE if hasattr(params, name)}
    if not space or trials < 1:
        return Tuned(params)
    earlier = model.windows(as_of, params)[:-1]
    splits = {f"{window.origin:%Y-%m-%d}": model.split(frame, window, params) for window in earlier}
    windows = {origin: (past, later) for origin, (past, later) in splits.items() if not later.empty}
    optuna.logging.set_verbosity(logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=params.seed))
    given = {name: getattr(params, name) for name in space}
    study.enqueue_trial(given)
    best, slowest = Tuned(params, windows=tuple(windows)), 0.0
    for ran in range(1, trials + 1):
        started = time.monotonic()
        if ran > 1 and started - began + slowest > seconds:
            break
        trial = study.ask()
        proposed = {name: span.suggest(trial, name, given[name]) for name, span in space.items()}
        loss = _mean_loss(model, list(windows.values()), replace(params, **proposed))
        if loss is None:
            return best
        study.tell(trial, loss)
        slowest = max(slowest, time.monotonic() - started)
        best = replace(best, trials=ran, seconds=time.monotonic() - began)
        if ran == 1:
            best = replace(best, loss_before=loss, loss=loss)
        elif loss < best.loss:
            found = {name: value for name, value in proposed.items() if value != given[name]}
            before = {name: given[name] for name in found}
            best = replace(best, params=replace(params, **proposed), loss=loss, found=found, given=before)
    return best


def _mean_loss(model: Model, windows: list[tuple[pd.DataFrame, pd.DataFrame]], params: Any) -> float | None:
    """The least mean loss that one choice has over the windows; None where all have too little history."""
    losses = []
    for past, later in windows:
        with suppress(TooLittleHistory), threadpool_limits(1, user_api="blas"):  # as in a backtest
            evidence = model.rehearse(past, later, params).evidence
            losses.append(evidence if isinstance(evidence, pd.Series) else evidence.losses())
    return float(pd.concat(losses, axis=1, join="inner").mean(axis=1).min()) if losses else None
