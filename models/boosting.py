"""LightGBM as all our models call it: seeded, deterministic, silent."""

from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from models.encoding import Encoder
from models.metrics import Array

_ALWAYS = {"objective": "binary", "deterministic": True, "force_row_wise": True, "verbose": -1}


def boost(
    encoder: Encoder,
    past: tuple[Array, np.ndarray],
    options: dict[str, Any],
    rounds: int,
    later: tuple[Array, np.ndarray] | None = None,
) -> tuple[lgb.Booster, pd.Series | None]:
    """Fit ``rounds`` trees on ``past`` (matrix, labels: 0/1 unless ``options`` name another objective).

    With ``later`` examples, also the loss on them after each round (index: rounds, from 1): log-loss, unless
    ``options`` name another ``metric``.
    """
    data = lgb.Dataset(*past, categorical_feature=encoder.categorical_positions)
    if later is None:
        return lgb.train(_ALWAYS | options, data, rounds), None
    metric = options.get("metric", "binary_logloss")
    curves: dict[str, dict[str, list[float]]] = {}
    booster = lgb.train(
        _ALWAYS | options | {"metric": metric},
        data,
        rounds,
        valid_sets=[lgb.Dataset(*later, reference=data)],
        valid_names=["later"],
        callbacks=[lgb.record_evaluation(curves)],
    )
    losses = curves["later"][metric]
    return booster, pd.Series(losses, index=range(1, len(losses) + 1))
