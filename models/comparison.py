"""What versions of a model are compared by: what each says of the same rows beside what came."""

import numpy as np
import pandas as pd

from models import segmentation
from models.fitted import Fitted
from models.metrics import Array


def outcomes_of_segments(fitted: Fitted, frame: pd.DataFrame) -> pd.DataFrame:
    """Later spend, and for each customer the mean of the others in the segment: pseudonym, snapshot_at, actual,
    predicted, weight.

    One less the squared error over the variance is eta² without its bias: a customer does not tell itself, so that
    many segments are no better by being many.
    """
    later = frame["later_amount"].to_numpy(dtype=float)
    segment = segmentation.predict(fitted, frame)["segment_id"].to_numpy()
    known = frame[["pseudonym", "snapshot_at"]]
    return known.assign(actual=later, predicted=told_by_others(later, segment), weight=1.0)


def told_by_others(outcome: Array, group: np.ndarray) -> Array:
    """Of each row the mean outcome of the other rows of its group; of one that is alone, the mean of all others."""
    codes, groups = pd.factorize(group)
    rows = np.bincount(codes, minlength=len(groups))[codes]
    sums = np.bincount(codes, outcome, len(groups))[codes]
    others = (outcome.sum() - outcome) / max(len(outcome) - 1, 1)
    return np.where(rows > 1, (sums - outcome) / np.maximum(rows - 1, 1), others)
