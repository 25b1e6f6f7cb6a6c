"""What people see at the end of a run, in a terminal of 80 columns."""

import io

from rich.console import Console

from flows.summary import metrics_and_intervals
from flows.terminal import show_summary

METRICS = {
    "auc": {"value": 0.868, "low": 0.852, "high": 0.884},
    "baseline_auc": {"value": 0.858},
    "survival_prediction_ratio": {"value": 1.14, "low": 1.03, "high": 1.32},
    "mae_gain_over_last_period": {"value": 0.0529, "low": 0.0314, "high": 0.0728},
    "interval_width": {"value": 525.4318, "low": 511.1234, "high": 539.6614},
    "anova_p": {"value": 1e-300},
}
SUMMARY = {
    "cycle": {"id": "20180102t000000-0000000a", "as_of": "2018-01-02", "finished_at": "2018-01-03"},
    "rows": {}, "quarantine": [], "rules": [], "after_as_of": {}, "synthetic": {}, "quality": None, "plan": None,
    "drift": None,
    "models": {
        "churn": {"tag": "churn:a", "line": "AUC", "is_champion": False, **metrics_and_intervals(METRICS)},
        "ctr": {"tag": None, "line": "skipped: needs [impressions], and the data hold none"},
    },
}  # fmt: skip


def test_models_are_told_in_words_and_nothing_is_cut():
    console = Console(file=io.StringIO(), width=80)
    show_summary(console, SUMMARY)
    text = console.file.getvalue()
    assert "…" not in text
    assert "churn, candidate" in text
    cells = [" ".join(line.replace("│", " ").split()) for line in text.splitlines()]
    assert "AUC 0.868 0.852 – 0.884 0.858" in cells
    assert "predicted ÷ observed, survival 1.14 1.03 – 1.32" in cells
    assert "error saved over last period 0.0529 0.0314 – 0.0728" in cells
    assert "width of intervals 525.4 511.1 – 539.7" in cells
    assert "p, ANOVA < 0.001" in cells
    assert "[impressions]" in text


def test_baselines_have_no_line_of_their_own():
    console = Console(file=io.StringIO(), width=80)
    show_summary(console, SUMMARY)
    assert "baseline auc" not in console.file.getvalue()
