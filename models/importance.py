"""What a version says of rows as one number or label, and how much that depends on each feature.

Permutation importance of the prediction itself (Breiman, "Random Forests", 2001; Fisher, Rudin & Dominici, "All Models
are Wrong, but Many are Useful", 2019): no labels are needed, and every model of the catalogue has a ``predict``.
"""

from typing import Any

import numpy as np
import pandas as pd

from models.backtest import Model
from models.encoding import signed_log
from models.fitted import Fitted

ROWS = 1_000


def said(model: Model, fitted: Fitted, frame: pd.DataFrame, column: str) -> pd.Series:
    """The column of the prediction that counts, on a scale where a difference means the same everywhere.

    Log-odds of probabilities, logarithms of money; labels as they are. Missing where nothing is said of a row.
    """
    found = model.predict(fitted, frame)[column]
    if not pd.api.types.is_numeric_dtype(found):
        return found.astype(object)
    values = found.to_numpy(dtype=float, na_value=np.nan)
    if column.endswith("probability"):
        p = np.clip(values, 1e-9, 1 - 1e-9)
        return pd.Series(np.log(p / (1 - p)), index=frame.index)
    return pd.Series(signed_log(values), index=frame.index)


def importances(model: Model, fitted: Fitted, frame: pd.DataFrame, column: str, seed: int) -> dict[str, float]:
    """By feature, the share of what predictions change by when its values are dealt to other rows; sums to 1.

    A change is the mean absolute one of ``said``, of labels the share of rows that get another. Where no prediction
    depends on any feature, all have the same share.
    """
    rows = frame.sample(min(ROWS, len(frame)), random_state=seed).reset_index(drop=True)
    generator = np.random.default_rng(seed)
    order = [generator.permutation(len(rows)) for _ in fitted.features]
    dealt = [
        rows.assign(**{name: rows[name].take(places).array}) if name in rows else rows
        for name, places in zip(fitted.features, order, strict=True)
    ]
    answers = said(
        model, fitted, pd.concat([rows, *dealt], ignore_index=True), column
    )  # one call: most of it is overhead
    before, *after = (answers.iloc[i : i + len(rows)].reset_index(drop=True) for i in range(0, len(answers), len(rows)))
    changes = [_change(before, each) for each in after]
    total = sum(changes)
    return {
        name: change / total if total > 0 else 1 / len(changes)
        for name, change in zip(fitted.features, changes, strict=True)
    }


def _change(before: pd.Series, after: pd.Series) -> float:
    if pd.api.types.is_numeric_dtype(before):
        difference: Any = (after - before).abs().mean()
        return float(difference) if np.isfinite(difference) else 0.0
    return float((before != after).mean())
