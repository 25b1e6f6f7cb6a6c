"""Figures of forecast spend beside both baselines, on the same rows."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.errors import TooLittleHistory
from models.metrics import Array, Metric, Metrics, interval
from models.purchases import expected_revenue, fit_customer_base

LAST_PERIOD, LAST_PERIOD_DAYS = "amount_90d", 90


def revenue_metrics(frame: pd.DataFrame, predicted: pd.DataFrame, horizon_days: int) -> Metrics:
    """All figures without intervals, as `customer_metrics` has them."""
    equal = np.ones(len(frame))
    return {name: Metric(figure(equal)) for name, figure in _figures(frame, predicted, horizon_days).items()}


def customer_metrics(
    frame: pd.DataFrame, predicted: pd.DataFrame, horizon_days: int, draws: list[Array]
) -> dict[str, Metric]:
    """All figures; ``draws`` are row weights of resampled customers.

    r2, mae (money), bias_ratio (sum forecast over sum spent), coverage and interval_width (money) are the
    model's; baseline_… are of spending as in the last period, purchases_… of the model of repeat purchases,
    fitted on the very customers it is judged on, as the origin knew them. mae_gain_over_… are relative.

    Raises:
        TooLittleHistory: everyone spent the same, or too few ordered again for the repeat purchases.
    """
    equal, figures = np.ones(len(frame)), _figures(frame, predicted, horizon_days)
    return {
        name: Metric(figure(equal)) if name == "rows" else interval(figure(equal), [figure(draw) for draw in draws])
        for name, figure in figures.items()
    }


def r2(spent: Array, forecast: Array, weight: npt.ArrayLike) -> float:
    """Share of the variance of spend that the forecast explains; negative when the mean does better."""
    w = np.asarray(weight, dtype=float)
    around_mean = w @ (spent - np.average(spent, weights=w)) ** 2
    return float(1 - w @ (spent - forecast) ** 2 / around_mean) if around_mean > 0 else float("nan")


def mae(spent: Array, forecast: Array, weight: npt.ArrayLike) -> float:
    """Mean absolute error, in money."""
    return float(np.average(np.abs(spent - forecast), weights=np.asarray(weight, dtype=float)))


def _figures(frame: pd.DataFrame, predicted: pd.DataFrame, horizon_days: int) -> dict[str, Callable[[Array], float]]:
    spent = frame["revenue"].to_numpy(dtype=float)
    if len(spent) == 0 or np.ptp(spent) == 0:
        raise TooLittleHistory(f"no difference in spend among {len(spent)} examples to evaluate on")
    ours, low, high = (predicted[name].to_numpy() for name in ("expected_revenue", "low", "high"))
    last = frame[LAST_PERIOD].to_numpy(dtype=float) * horizon_days / LAST_PERIOD_DAYS
    purchases = expected_revenue(fit_customer_base(frame), frame, horizon_days)
    inside = ((low <= spent) & (spent <= high)).astype(float)
    return {
        "r2": lambda w: r2(spent, ours, w),
        "mae": lambda w: mae(spent, ours, w),
        "baseline_r2": lambda w: r2(spent, last, w),
        "baseline_mae": lambda w: mae(spent, last, w),
        "purchases_r2": lambda w: r2(spent, purchases, w),
        "purchases_mae": lambda w: mae(spent, purchases, w),
        "mae_gain_over_last_period": lambda w: 1 - mae(spent, ours, w) / mae(spent, last, w),
        "mae_gain_over_purchases": lambda w: 1 - mae(spent, ours, w) / mae(spent, purchases, w),
        "bias_ratio": lambda w: float(w @ ours / (w @ spent)),
        "coverage": lambda w: float(np.average(inside, weights=w)),
        "interval_width": lambda w: float(np.average(high - low, weights=w)),
        "rows": lambda w: float(len(spent)),
    }
