"""What else a company knows of the customers of each segment."""

import numpy as np
import pandas as pd

from models.encoding import MAX_ATTRIBUTE_LEVELS, attributes, is_number, to_numbers

MIN_SHARING = 5


def describe(frame: pd.DataFrame, segments: np.ndarray) -> dict[str, dict[str, dict[str, float]]]:
    """What else the company knows (``attr_…``) of each segment, beside ``all`` customers.

    Attribute → segment → value → share of those whose value is known; of a number, its ``median``. Notes are
    read by people and must not point at one: values of fewer than ``MIN_SHARING`` customers are ``other``, and
    segments with fewer of whom it is known are left out.
    """
    described = {}
    for name in attributes(frame):
        known = frame[name].notna().to_numpy()
        values = to_numbers(frame[name]) if is_number(frame[name]) else _frequent_values(frame[name])
        groups = {"all": known} | {segment: known & (segments == segment) for segment in sorted(set(segments))}
        described[name] = {group: _told(values[rows]) for group, rows in groups.items() if rows.sum() >= MIN_SHARING}
    return described


def _frequent_values(column: pd.Series) -> np.ndarray:
    counts = column.value_counts()
    kept = counts[counts >= MIN_SHARING].index[:MAX_ATTRIBUTE_LEVELS]
    return column.astype(object).where(column.isin(kept), "other").to_numpy()


def _told(values: np.ndarray) -> dict[str, float]:
    if values.dtype == float:
        return {"median": round(float(np.median(values)), 4)}
    shares = pd.Series(values).value_counts(normalize=True).sort_index()
    return {str(value): round(float(share), 4) for value, share in shares.items()}
