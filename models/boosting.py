"""LightGBM as all our models call it: seeded, deterministic, silent."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import lightgbm as lgb
import numpy as np
import pandas as pd

from models.encoding import Encoder
from models.errors import BadParameter
from models.metrics import Array

_ALWAYS = {
    "objective": "binary",
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


class Trees(Protocol):
    """What is asked of a fitted booster."""

    def predict(self, matrix: Array, /, **options: Any) -> Any: ...


@dataclass(frozen=True)
class OneThread:
    """A booster for few rows at a time, asked by many: threads of their own would take the cores from each other."""

    booster: Trees

    def predict(self, matrix: Array, /, **options: Any) -> Any:
        return self.booster.predict(matrix, num_threads=1, **options)


def boost(
    encoder: Encoder,
    matrix: Array,
    label: np.ndarray,
    options: dict[str, Any],
    rounds: int,
    weight: Array | None = None,
) -> lgb.Booster:
    """Fit ``rounds`` trees; labels are 0/1 unless ``options`` name another objective."""
    data = lgb.Dataset(matrix, label, weight=weight, categorical_feature=encoder.categorical_positions)
    return lgb.train(_ALWAYS | options, data, rounds)


def staged(booster: lgb.Booster, matrix: Array, step: int, rounds: int) -> Iterator[tuple[int, Array]]:
    """After every ``step`` rounds, and after the last: rounds and raw scores so far.

    Where LightGBM found nothing more to split it has stopped early: further rounds would say the same.
    """
    total, done, grown = np.zeros(len(matrix)), 0, booster.current_iteration()
    while done < rounds:
        more = min(step, rounds - done)
        if done < grown:
            total = total + np.asarray(
                booster.predict(matrix, raw_score=True, start_iteration=done, num_iteration=more)
            )
        done += more
        yield done, total


def constraints(encoder: Encoder, increasing: tuple[str, ...], decreasing: tuple[str, ...]) -> list[int]:
    """LightGBM's monotone constraints, a number per feature: 1 may only raise, -1 only lower, 0 either way.

    Raises:
        BadParameter: a name is none of the features that are numbers, or in both.
    """
    for parameter, names in (("increasing", increasing), ("decreasing", decreasing)):
        if strange := [name for name in names if name not in encoder.numeric]:
            hint = difflib.get_close_matches(strange[0], encoder.numeric, n=1)
            meant = f" (did you mean '{hint[0]}'?)" if hint else ""
            raise BadParameter(parameter, names, f"names of features that are numbers; '{strange[0]}' is none{meant}")
    if both := sorted({*increasing} & {*decreasing}):
        raise BadParameter("increasing", increasing, f"without what is decreasing: {', '.join(both)}")
    return [(name in increasing) - (name in decreasing) for name in encoder.features]


def boost_watched(
    encoder: Encoder,
    past: tuple[Array, np.ndarray],
    later: tuple[Array, np.ndarray],
    options: dict[str, Any],
    rounds: int,
) -> tuple[lgb.Booster, pd.Series]:
    """The same on ``past`` (matrix, labels), and the metric that ``options`` name on ``later`` after each round (index:
    rounds, from 1).
    """
    data = lgb.Dataset(*past, categorical_feature=encoder.categorical_positions)
    curves: dict[str, dict[str, list[float]]] = {}
    booster = lgb.train(
        _ALWAYS | options,
        data,
        rounds,
        valid_sets=[lgb.Dataset(*later, reference=data)],
        valid_names=["later"],
        callbacks=[lgb.record_evaluation(curves)],
    )
    losses = curves["later"][options["metric"]]
    return booster, pd.Series(losses, index=range(1, len(losses) + 1))
