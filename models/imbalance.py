"""What may be done where one class is rare, and what it does to the odds, so that it can be undone.

None of it tells a model anything new: ranking changes little, and probabilities are off until the odds are moved
back (van den Goorbergh et al., "The harm of class imbalance corrections for risk prediction models", 2022;
`make bench ONLY=imbalance` measures it here). So the default is to do nothing.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.encoding import Encoder
from models.metrics import Array

Imbalance = Literal["none", "class_weights", "smote"]

NEIGHBOURS = 5


@dataclass(frozen=True)
class Balanced:
    """Examples to learn from; ``log_odds_offset`` takes predictions back to the classes as they were."""

    matrix: Array
    label: np.ndarray
    weight: Array | None
    log_odds_offset: float


def balance(encoder: Encoder, matrix: Array, label: np.ndarray, how: Imbalance, seed: int) -> Balanced:
    """Weigh the rarer class up (``class_weights``) or invent more of it (``smote``) until both count alike.

    SMOTE (Chawla et al., 2002) draws between neighbours, which cannot have gaps: the medians fill them for that.
    Trees know what is invented, by counts that are not whole for one: moved back, their probabilities stay too low.
    With no more than ``NEIGHBOURS`` rows of the rarer class there are no neighbours, and nothing is invented.
    """
    rare, common = sorted((label.sum(), (~label).sum()))
    if how == "none" or (how == "smote" and rare <= NEIGHBOURS):
        return Balanced(matrix, label, None, 0.0)
    odds = float(np.log(label.sum() / (~label).sum()))
    if how == "class_weights":
        return Balanced(matrix, label, np.where(label == (label.mean() < 0.5), common / rare, 1.0), odds)
    from imblearn.over_sampling import SMOTE, SMOTENC  # only whoever asks for it needs it

    filled = np.where(np.isnan(matrix), np.nan_to_num(_medians(matrix)), matrix)
    categorical = encoder.categorical_positions
    chosen = {"random_state": seed, "k_neighbors": NEIGHBOURS}
    sampler = SMOTENC(categorical, **chosen) if categorical else SMOTE(**chosen)
    invented, their_label = (part[len(label) :] for part in sampler.fit_resample(filled, label))
    return Balanced(np.vstack([matrix, invented]), np.concatenate([label, their_label]), None, odds)


def sampled_rows(label: np.ndarray, rows: int, seed: int) -> np.ndarray:
    """Positions of at most so many rows drawn at random, in order: both classes in the share they have, but a rare
    one makes up a tenth of them, or is there whole.
    """
    if len(label) <= rows:
        return np.arange(len(label))
    mixed = np.random.default_rng(seed).permutation(len(label))
    classes = sorted((mixed[label[mixed]], mixed[~label[mixed]]), key=len)
    rare = min(len(classes[0]), max(round(rows * len(classes[0]) / len(label)), rows // 10))
    return np.sort(np.concatenate([classes[0][:rare], classes[1][: rows - rare]]))


def _medians(matrix: Array) -> Array:
    known = ~np.isnan(matrix).all(axis=0)
    medians = np.zeros(matrix.shape[1])
    medians[known] = np.nanmedian(matrix[:, known], axis=0)
    return medians
