"""What the models promise of later time, as `aimloop run --json` reports it."""

from collections.abc import Callable
from typing import Any, TypeAlias

from tests.benchmarks.measure import Figure, Interval, at_least, at_most, between

Promise: TypeAlias = Callable[[float, Interval | None], Figure]


def _reaches(limit: float, unit: str = "") -> Promise:
    return lambda value, span: at_least(value, limit, unit, span)


def _stays_below(limit: float, unit: str = "") -> Promise:
    return lambda value, span: at_most(value, limit, unit, span)


def _lies_between(low: float, high: float) -> Promise:
    return lambda value, span: between(value, low, high, "", span)


def _surely_above_zero(unit: str) -> Promise:
    """The whole interval, not the value alone."""
    return lambda value, span: Figure(value, unit, "interval above 0", span is not None and span[0] > 0, span)


def _surely_reaches(limit: float, unit: str) -> Promise:
    """The value reaches the limit, and the whole interval lies above 0."""
    return lambda value, span: Figure(
        value, unit, f"≥ {limit:g}, interval above 0", value >= limit and span is not None and span[0] > 0, span
    )


def _is(unit: str = "") -> Promise:
    return lambda value, span: Figure(value, unit, interval=span)


PROMISES: dict[str, dict[str, Promise]] = {
    "ctr": {
        "auc": _reaches(0.945),
        "baseline_auc": _reaches(0.93),
        "log_loss_gain": _surely_above_zero("nats"),
        "normalised_entropy": _stays_below(0.68),
        "worst_bin": _stays_below(0.15),
        "worst_week": _stays_below(0.10),
        "prediction_ratio": _lies_between(0.9, 1.1),
    },
    "churn": {
        "auc": _reaches(0.87),
        "baseline_auc": _is(),
        "recency_auc": _is(),
        "gain_over_recency": _surely_reaches(0.06, "AUC"),
        "pr_auc": _reaches(0.26),
        "top_decile_lift": _reaches(4.5, "×"),
        "brier": _is(),
        "base_rate_brier": _is(),
        "concordance": _reaches(0.75),
        "prediction_ratio": _is(),
    },
    "clv": {
        "r2": _reaches(0.77),
        "mae_gain_over_last_period": _reaches(0.05),
        "mae_gain_over_purchases": _reaches(0.05),
        "coverage": _lies_between(0.77, 0.83),
        "mae": _is("money"),
        "baseline_r2": _is(),
        "purchases_r2": _is(),
        "bias_ratio": _is(),
    },
    "segmentation": {"eta_squared": _is(), "baseline_eta_squared": _is()},
}

HEADLINES = {
    "ctr": ("auc", "normalised_entropy", "prediction_ratio"),
    "churn": ("auc", "pr_auc", "top_decile_lift"),
    "clv": ("r2", "mae_gain_over_last_period", "coverage"),
    "segmentation": ("eta_squared",),
}


def model_figures(models: dict[str, Any]) -> dict[str, Figure]:
    """Every promise on the reported window, with its interval; headlines on the earlier windows too."""
    figures = {}
    for model, promises in PROMISES.items():
        metrics, intervals = models[model]["metrics"], models[model]["intervals"]
        for name, promise in promises.items():
            span = (intervals[name][0], intervals[name][1]) if name in intervals else None
            figures[f"{model}.{name}"] = promise(metrics[name], span)
        for origin, earlier in models[model]["earlier_windows"].items():
            for name in HEADLINES[model]:
                figures[f"{model}.{name}.origin_{origin}"] = Figure(earlier[name], "")
    churn = models["churn"]["metrics"]
    better = churn["base_rate_brier"] - churn["brier"]
    return figures | {"churn.brier_gain": Figure(better, "", "> 0", better > 0)}
