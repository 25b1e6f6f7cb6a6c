"""How models that learn from labelled snapshots of customers cut time: churn and lifetime value."""

from typing import Any

import pandas as pd

from models.backtest import Window

SNAPSHOT_DAYS = 7


def windows(as_of: pd.Timestamp, params: Any) -> list[Window]:
    """Windows of snapshots, oldest first; the earlier ones end, labels included, before the last begins."""
    horizon, step = pd.Timedelta(days=params.horizon_days), pd.Timedelta(days=params.window_step_days)
    last_snapshot = as_of - horizon
    reported = Window(last_snapshot - pd.Timedelta(days=params.evaluation_days), last_snapshot)
    last_earlier = reported.origin - horizon
    earlier = [last_earlier - step * back for back in range(params.earlier_windows, 0, -1)]
    return [*(Window(origin, origin + step) for origin in earlier), reported]


def every_nth(labelled: pd.DataFrame, n: int) -> pd.DataFrame:
    """Rows of every ``n``-th snapshot, counted back from the latest: neighbours hold nearly the same rows."""
    age_in_snapshots = (labelled["snapshot_at"].max() - labelled["snapshot_at"]) // pd.Timedelta(days=SNAPSHOT_DAYS)
    return labelled[age_in_snapshots % n == 0]
