"""Names and numbers as people read them, on the page and on the terminal."""

import re
from collections.abc import Mapping
from typing import Any

from models.explanation import WORDS
from models.metrics import Metric

# What a metric means, for whoever does not compute them: name in words, and how to read it.
METRICS: dict[str, tuple[str, str]] = {
    "auc": ("AUC", "chance that a positive is ranked above a negative; 0.5 is chance"),
    "pr_auc": ("average precision", "precision over all recalls; chance is the base rate"),
    "top_decile_lift": ("lift, best tenth", "positives in the best-scored tenth, times chance"),
    "log_loss": ("log-loss", "nats per row; lower is better"),
    "log_loss_gain": ("log-loss saved", "baseline's minus ours, nats per row; above 0 is better"),
    "normalised_entropy": ("normalised entropy", "log-loss over that of the base rate; below 1 is better"),
    "prediction_ratio": ("predicted ÷ observed", "all that was predicted over all that came; 1 is best"),
    "brier": ("Brier score", "mean squared error of the probability; lower is better"),
    "base_rate_brier": ("Brier score of the base rate", "of saying the observed rate of everybody"),
    "worst_bin": ("worst bin", "of ten by prediction, the one furthest off, as a share of what was observed"),
    "worst_week": ("worst week", "of the weeks, the one furthest off, as a share of what was observed"),
    "churn_rate": ("churn rate", "observed share"),
    "click_ratio": ("click rate", "observed share, sampling undone"),
    "gain_over_recency": ("gained over recency", "ours minus that of recency alone; above 0 is better"),
    "gain_over_baseline": ("gained over the baseline", "AUC, ours minus the baseline's; above 0 is better"),
    "recency_auc": ("AUC of recency", "of days since the last order, alone"),
    "concordance": ("concordance of days", "how often who is expected to order first does; 0.5 is chance"),
    "cox_concordance": ("concordance of hazards", "the same, by the model behind the hazard ratios"),
    "survival_prediction_ratio": ("predicted ÷ observed, survival", "the survival model's, over what came"),
    "r2": ("R²", "share of the variance of spend explained; below 0, the mean does better"),
    "mae": ("mean error", "how far forecasts lie from what was spent, in money; lower is better"),
    "purchases_r2": ("R² of repeat purchases", "of the model of repeat purchases, on the same customers"),
    "purchases_mae": ("mean error of repeat purchases", "of the model of repeat purchases, in money"),
    "mae_gain_over_last_period": (
        "error saved over last period",
        "share of the mean error of spending as in the last 90 days",
    ),
    "mae_gain_over_purchases": ("error saved over repeat purchases", "share of the mean error of that model"),
    "bias_ratio": ("predicted ÷ observed", "all that was predicted over all that came; 1 is best"),
    "coverage": ("coverage", "share of customers whose spend lay in their interval"),
    "interval_width": ("width of intervals", "mean, in money; of two that hold as much, the narrower is better"),
    "eta_squared": ("eta²", "share of later spend's variance that lies between segments"),
    "epsilon_squared": ("epsilon²", "eta² of ranks, which a few great spenders do not decide"),
    "anova_p": ("p, ANOVA", "if segments did not differ, so large a difference would come this often"),
    "welch_p": ("p, Welch", "the same, with unequal variances"),
    "kruskal_p": ("p, Kruskal-Wallis", "the same, of ranks"),
    "clusters": ("segments", "how many were found"),
    "silhouette": ("silhouette", "−1 to 1: how far apart segments lie"),
    "rows": ("rows", "evaluated on"),
}
ATTRIBUTES = {
    "age_band": "age",
    "income_band": "income",
    "household_size": "household size",
    "tenure": "time since first order",
}
_COLUMNS = {  # of segments, beside the features
    "later_amount": "spent in the {period_days} days after",
    "expected_revenue": "expected spend, next {horizon_days} days",
}


def metric_in_words(name: str) -> str:
    return METRICS.get(name, (words(name), ""))[0]


def attribute_in_words(name: str) -> str:
    """An attribute, or several with commas between."""
    return ", ".join(ATTRIBUTES.get(one, words(one)) for one in name.split(", "))


def measured(name: str, value: float | None) -> str:
    """A metric's value; of a p-value no more than people read from it."""
    return "< 0.001" if name.endswith("_p") and value is not None and value < 0.001 else figure(value)


def figure(value: float | None) -> str:
    """A number with the places it deserves: 17,667; 41.2; 0.866; 0.00531; nothing for nothing."""
    if value is None or value != value:
        return "–"
    if abs(value) == float("inf"):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size >= 1e15:
        return f"{value:.3g}"
    if value == round(value) and size < 1e12:
        return f"{value:,.0f}"
    if size < 1e-4:
        return "< 0.0001" if value > 0 else "0.0000"
    places = 0 if size >= 1000 else 1 if size >= 10 else 2 if size >= 1 else 3 if size >= 0.1 else 4
    return f"{value:,.{places}f}" if size >= 0.01 else f"{value:.5f}"


def share(value: float | None) -> str:
    """A share as per cent: 55 %, 5.5 %, 0.09 %."""
    if value is None or value != value or abs(value) == float("inf"):
        return figure(value)
    places = 0 if value >= 0.1 or value == 0 else 1 if value >= 0.01 else 2 if value >= 0.001 else 3
    return f"{value * 100:.{places}f} %"


def span(metric: Metric | None) -> str:
    """A metric's 95 % interval; nothing where none was estimated."""
    if metric is None or metric.low is None or metric.high is None:
        return ""
    return f"{figure(metric.low)} – {figure(metric.high)}"


def words(name: str) -> str:
    return name.replace("_", " ")


def column_in_words(name: str, numbers: Mapping[str, Any] | None = None) -> str:
    """orders_84d → orders in 84 days; ``numbers`` are the days of what lies after the snapshot."""
    if name in _COLUMNS and {"period_days", "horizon_days"} <= set(numbers or {}):
        return _COLUMNS[name].format_map(numbers or {})
    return WORDS.get(name, words(re.sub(r"_(\d+)d\b", r" in \1 days", name)))


def setting(name: str, value: Any) -> str:
    """A parameter or a note as people read it: no braces, and nothing empty."""
    if name == "repair":
        slope = value.get("slope") if isinstance(value, dict) else None
        return "none needed" if slope == 1 else f"distance of log-odds from the base rate × {figure(slope)}"
    if isinstance(value, dict):
        return ", ".join(f"{words(part)} {setting(part, found)}" for part, found in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(setting("", part) for part in value) or "none"
    if value is None or value == "":
        return "none"
    return figure(value) if isinstance(value, float) else str(value)
