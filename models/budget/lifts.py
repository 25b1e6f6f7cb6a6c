"""What of a channel's returns is incremental, where some customers were held back.

Nobody knows of a single response whether it would have come anyway. What can be known is how much more those order who
are contacted than those held back; that, as a ratio of what is attributed to responses, scales the channel's returns.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame

from infra.budget_contracts import ChannelWindow
from models.budget.realised import lift

FEWEST_HELD_BACK = 30  # customers, in either arm: with fewer one order decides what a channel is worth
ENDS = ("", "_low", "_high")
RATIO = tuple(f"incremental_ratio{end}" for end in ENDS)


def incremental(measured: pd.DataFrame, beside: DataFrame[ChannelWindow]) -> pd.DataFrame:
    """Results with ``held_back`` (customers), ``incremental_ratio`` and ``attributed`` returns beside the scaled ones.

    The ratio is (orders of the contacted − what the mean of those held back would have brought them) ÷ (their responses
    × an average order), at least 0; empty where nobody, or too few, were held back. Its errors and those of the
    response add up in squares.

    Args:
        measured: `responses.measured`.
        beside: What happened since customers were held back, of channels where some were.
    """
    found = measured.assign(**{f"attributed_return{end}": measured[f"unit_return{end}"] for end in ENDS})
    rows = {str(row["channel"]): row for row in beside.to_dict("records")}
    ratios = {channel: _ratio(row, measured[measured["channel"] == channel]) for channel, row in rows.items()}
    held_back = {channel: np.nan_to_num(float(row["control_customers"] or 0)) for channel, row in rows.items()}
    found["held_back"] = found["channel"].map(held_back).fillna(0.0).astype(float)
    for place, name in enumerate(RATIO):
        found[name] = found["channel"].map({channel: ratio[place] for channel, ratio in ratios.items()}).astype(float)
    return _scaled(found, found["incremental_ratio"].notna())


def as_promised(measured: pd.DataFrame, evidence: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Results as the plan with this evidence counted them: attributed where it knew of no control group."""
    knew = {row["channel"] for row in evidence if row.get("incremental_ratio") is not None}
    found = measured.copy()
    for end in ENDS:
        attributed = found[f"attributed_return{end}"]
        found[f"unit_return{end}"] = found[f"unit_return{end}"].where(found["channel"].isin(knew), attributed)
    return found


def _ratio(row: Mapping[Any, Any], results: pd.DataFrame) -> tuple[float, float, float]:
    nothing = (np.nan, np.nan, np.nan)
    responses = float(results["responses"].sum())
    if responses == 0 or min(row["customers"], row["control_customers"]) < FEWEST_HELD_BACK:
        return nothing
    order = float((results["order"] * results["responses"]).sum()) / responses
    attributed = float(row["responses"]) * order
    gained, interval = lift(pd.Series(row), float(row["treated_return"]))
    if gained is None or interval is None or not attributed > 0:
        return nothing
    middle, low, high = (max(amount / attributed, 0.0) for amount in (gained, *interval))
    return middle, low, high


def _scaled(found: pd.DataFrame, known: pd.Series) -> pd.DataFrame:
    ratio, mean = found["incremental_ratio"], found["attributed_return"]
    for end, sign in (("_low", -1), ("_high", 1)):
        of_response = ratio * (found[f"attributed_return{end}"] - mean)
        of_ratio = mean * (found[f"incremental_ratio{end}"] - ratio)
        moved = (ratio * mean + sign * np.hypot(of_response, of_ratio)).clip(lower=0.0)
        found[f"unit_return{end}"] = found[f"unit_return{end}"].where(~known, moved)
    found["unit_return"] = found["unit_return"].where(~known, ratio * mean)
    return found
