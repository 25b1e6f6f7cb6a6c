"""Names and numbers as people read them, on the page and on the terminal."""

import re

from models.metrics import Metric

# What a metric means, for whoever does not compute them: name in words, and how to read it.
METRICS: dict[str, tuple[str, str]] = {
    "auc": ("AUC", "chance that a positive is ranked above a negative; 0.5 is chance"),
    "pr_auc": ("average precision", "precision over all recalls; chance is the base rate"),
    "top_decile_lift": ("lift, best tenth", "positives in the best-scored tenth, times chance"),
    "log_loss": ("log-loss", "nats per row; lower is better"),
    "log_loss_gain": ("log-loss saved", "baseline's minus ours, nats per row; above 0 is better"),
    "normalised_entropy": ("normalised entropy", "log-loss over that of the base rate; below 1 is better"),
    "prediction_ratio": ("predicted ÷ observed", "1 is calibrated in the large"),
    "brier": ("Brier score", "mean squared error of the probability; lower is better"),
    "churn_rate": ("churn rate", "observed share"),
    "click_ratio": ("click rate", "observed share, sampling undone"),
    "gain_over_recency": ("gain over recency", "ours minus recency alone"),
    "gain_over_baseline": ("gain over the baseline", "ours minus the baseline's"),
    "recency_auc": ("AUC of recency", "days since the last order, alone"),
    "eta_squared": ("eta²", "share of later spend's variance that lies between segments"),
    "epsilon_squared": ("epsilon²", "the same for ranks"),
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


def figure(value: float | None) -> str:
    """A number with the places it deserves: 17,667; 41.2; 0.866; 0.00531; nothing for nothing."""
    if value is None or value != value:
        return "–"
    if value == round(value) and abs(value) < 1e12:
        return f"{value:,.0f}"
    size = abs(value)
    if size < 1e-4:
        return "< 0.0001" if value > 0 else "0.0000"
    places = 0 if size >= 1000 else 1 if size >= 10 else 2 if size >= 1 else 3 if size >= 0.1 else 4
    return f"{value:,.{places}f}" if size >= 0.01 else f"{value:.5f}"


def share(value: float | None) -> str:
    """A share as per cent: 55 %, 5.5 %, 0.09 %."""
    if value is None:
        return "–"
    places = 0 if value >= 0.1 or value == 0 else 1 if value >= 0.01 else 2 if value >= 0.001 else 3
    return f"{value * 100:.{places}f} %"


def span(metric: Metric | None) -> str:
    """A metric's 95 % interval; nothing where none was estimated."""
    if metric is None or metric.low is None or metric.high is None:
        return ""
    return f"{figure(metric.low)} – {figure(metric.high)}"


def words(name: str) -> str:
    return name.replace("_", " ")


def column_in_words(name: str) -> str:
    """orders_84d → orders in 84 days."""
    return words(re.sub(r"_(\d+)d\b", r" in \1 days", name))
