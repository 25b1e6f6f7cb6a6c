"""What customers are grouped by: recency, frequency, monetary value and expected revenue, brought to one scale."""

import numpy as np
import pandas as pd
from scipy.special import boxcox1p
from sklearn.cluster import KMeans
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, PowerTransformer, StandardScaler

from models.encoding import require_columns, to_numbers
from models.errors import TooLittleHistory
from models.metrics import Array
from models.purchases import HISTORY, SPENT, CustomerBase, expected_revenue_of, fit_customer_base

RECENCY, FREQUENCY, MONETARY = "days_since_last_order", "orders_84d", "amount_84d"
AXES = (RECENCY, FREQUENCY, MONETARY)
FEATURES = (*AXES, *HISTORY, SPENT)
HORIZON_DAYS = 90
FARTHEST = 10  # standard deviations from the mean
OUT_OF_SIGHT = 1e100


def matrix_of(frame: pd.DataFrame) -> Array:
    """(rows, ``FEATURES``), NaN where missing.

    Raises:
        MissingColumns: a feature is not in the frame.
    """
    require_columns(frame, FEATURES)
    return np.column_stack([to_numbers(frame[name]) for name in FEATURES]).reshape(len(frame), len(FEATURES))


def fit_purchases(matrix: Array) -> CustomerBase | None:
    """The model of repeat purchases; none where too few ordered again."""
    try:
        return fit_customer_base(pd.DataFrame(_history(matrix), columns=[*HISTORY, SPENT]))
    except TooLittleHistory:
        return None


def placed(purchases: CustomerBase | None, matrix: Array) -> Array:
    """Customers on the axes and in expected revenue, none below 0: money returned counts as none spent."""
    revenue = np.zeros(len(matrix))
    if purchases is not None:
        expected = expected_revenue_of(purchases, _history(matrix), HORIZON_DAYS)
        revenue = np.where(np.isfinite(expected), expected, np.nan)
    return np.maximum(np.column_stack([matrix[:, : len(AXES)], revenue]), 0)


def _history(matrix: Array) -> Array:
    """What repeat purchases are told by; what is no finite number counts as none."""
    return np.nan_to_num(matrix[:, len(AXES) :])


def new_scaler() -> Pipeline:
    """Medians for what is missing, a power that makes each axis look normal (Yeo & Johnson 2000), unit variance.

    Where nearly everybody has the same value, a power can send the others out of sight: they stay in bounds.
    """
    return make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        PowerTransformer(standardize=False),
        FunctionTransformer(np.clip, kw_args={"a_min": -OUT_OF_SIGHT, "a_max": OUT_OF_SIGHT}),
        StandardScaler(),
        FunctionTransformer(np.clip, kw_args={"a_min": -FARTHEST, "a_max": FARTHEST}),
    )


# The scaler's own steps check what they are given, which takes a row a hundred times as long as what follows.


def filled(scaler: Pipeline, positions: Array) -> Array:
    """What is no finite number counts as the median in training."""
    return np.where(np.isnan(positions), scaler[0].statistics_, positions)


def to_scale(scaler: Pipeline, positions: Array) -> Array:
    """What the scaler makes of positions without gaps, none below 0: Yeo and Johnson's power is there Box and Cox's of
    one more.
    """
    power, standard = scaler[1], scaler[3]
    near = np.clip(boxcox1p(positions, power.lambdas_), -OUT_OF_SIGHT, OUT_OF_SIGHT)
    return np.asarray(np.clip((near - standard.mean_) / standard.scale_, -FARTHEST, FARTHEST))


def nearest(clusters: KMeans, positions: Array) -> np.ndarray:
    """The cluster of each row: squared distances to the centres, but for what is the same for all of them."""
    centres = clusters.cluster_centers_
    return np.asarray(((centres**2).sum(axis=1) - 2 * positions @ centres.T).argmin(axis=1))


def in_units(scaler: Pipeline, positions: Array) -> Array:
    """Back from the common scale."""
    return np.asarray(scaler[1].inverse_transform(scaler[3].inverse_transform(positions)))
