"""A feature that is the label in disguise: it is written down only when the outcome is known, and makes every
metric a lie (Kaufman et al., "Leakage in Data Mining", KDD 2011).
"""

import numpy as np
import pandas as pd

from models.encoding import Encoder
from models.errors import DisguisedLabel
from models.imbalance import sampled_rows
from models.metrics import Array, weighted_auc

AUC = 0.99
CORRELATION = 0.999
ROWS = 50_000


def refuse_disguised_labels(encoder: Encoder, matrix: Array, label: np.ndarray, seed: int) -> None:
    """Refuse examples in which one feature, or whether it is there, tells the label by itself.

    ``matrix`` is the encoder's, (rows, features); of more than ``ROWS`` rows so many are looked at, with enough of
    the rarer label among them.

    Raises:
        DisguisedLabel: an AUC above ``AUC``, or below 1 - ``AUC``; names the feature.
    """
    rows = sampled_rows(label, ROWS, seed)
    labels, ones = label[rows], np.ones(len(rows))
    if labels.all() or not labels.any():
        return
    for position, name in enumerate(encoder.features):
        values = matrix[rows, position]
        known = ~np.isnan(values)
        if position in encoder.categorical_positions:  # codes have no order: by how often the label is true
            values = pd.Series(labels.astype(float)).groupby(np.where(known, values, -1)).transform("mean").to_numpy()
            known = np.ones_like(known)
        for score in (known, np.where(known, values, values[known].min(initial=0) - 1)):
            auc = weighted_auc(labels, score)(ones)
            if max(auc, 1 - auc) > AUC:
                raise DisguisedLabel(name, "AUC", max(auc, 1 - auc))


def refuse_disguised_amounts(encoder: Encoder, matrix: Array, amount: Array) -> None:
    """Refuse examples in which one number tells the amount: itself (Pearson), or its order (Spearman).

    What somebody spends is never known to a thousandth beforehand. Categories are not looked at: a few of them
    cannot tell an amount.

    Raises:
        DisguisedLabel: a correlation above ``CORRELATION``, of either sign; names the feature.
    """
    for position, name in enumerate(encoder.numeric):
        known = ~np.isnan(matrix[:, position])
        pair = pd.DataFrame({"feature": matrix[known, position], "amount": amount[known]})
        if len(pair) < 3 or (pair.nunique() < 2).any():
            continue
        for view in (pair, pair.rank()):
            correlation = abs(float(np.corrcoef(view["feature"], view["amount"])[0, 1]))
            if correlation > CORRELATION:
                raise DisguisedLabel(name, "correlation", correlation)
