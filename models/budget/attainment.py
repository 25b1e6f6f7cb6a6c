"""What came of the last plan: goal attainment and ROI by channel, as far as the data can tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame

from infra.budget_contracts import ChannelWindow
from models.budget import realised
from models.budget.document import clean
from models.budget.realised import Realised

UNKNOWN = "not measured: the data hold no results of it"
OWN_UNIT = "not comparable with what was promised: the file's return per unit is in a unit of its own"
PARTLY = "not comparable with what was promised: what the other responses bring nobody says"
OF_OUTCOMES = [
    "channel", "units", "cost", "realised_return", "responses", "reports", "is_partial", "treated_return",
]  # fmt: skip
OF_CONTROL = ["customers", "control_customers", "control_return", "return_squares", "control_squares"]


@dataclass(frozen=True, kw_only=True)
class LastPlan:
    """The plan that was in force: its document, what a unit costs, and for how long it was.

    ``elapsed`` is the part of the plan's days that is over: so much of it was promised by now. ``valued``: channels
    of which people said what a response brings, so that their returns are in that money. ``incremental``: those that
    were planned beside a control group.
    """

    cycle: str
    since: str
    until: str
    document: Mapping[str, Any]
    unit_costs: Mapping[str, float]
    elapsed: float
    valued: frozenset[str] = frozenset()
    incremental: frozenset[str] = frozenset()

    def is_money(self, line: Mapping[str, Any]) -> bool:
        """Whether the return that was planned with is in the money that responses are counted in."""
        return line.get("return_is") in ("history", "given and history") or line["channel"] in self.valued


def attained(
    last: LastPlan, happened: DataFrame[ChannelWindow], measured: pd.DataFrame, earlier: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The last plan beside what happened in its time, as plain values.

    Revenue that applications reported stands for as many responses as it was reported for; each of the others counts
    what a response is worth (`responses.measured`). A channel of which the data never held anything is not measured,
    and gets no number; one that was planned in a unit of its own is measured, and has no gap.

    Args:
        last: The plan.
        happened: Between its beginning and now.
        measured: Results by channel and segment so far; a channel without a row is not measured.
        earlier: What this function said at earlier cycles, for the trend.
    """
    lines = {line["channel"]: line for line in last.document["allocation"]}
    worth = {
        *measured.loc[measured["unit_return"].notna(), "channel"],
        *happened.loc[happened["revenue"].notna(), "channel"],
    }
    known = [channel for channel in lines if channel in worth]
    planned = pd.DataFrame(
        [
            {"channel": c, **{k: lines[c][k] * last.elapsed for k in ("units", "cost", "expected_return")}}
            for c in known
        ],
        columns=["channel", "units", "cost", "expected_return"],
    )
    outcomes = _outcomes(known, happened, measured, last.unit_costs)
    outcomes["is_incremental"] = outcomes["channel"].isin(last.incremental)
    found = {one.channel: one for one in realised.compare(planned, outcomes)}
    of_control = {one.channel: one for one in realised.compare(planned, _of_control(outcomes))}
    rows = []
    for channel, line in lines.items():
        if channel in found:
            outcome = outcomes[outcomes["channel"] == channel].iloc[0]
            why_not = PARTLY if outcome["is_partial"] else None if last.is_money(line) else OWN_UNIT
            rows.append(_told(found[channel], of_control[channel], line, outcome, last.elapsed, why_not))
        else:
            words = _unknown(channel, happened) if channel in set(measured["channel"]) else UNKNOWN
            rows.append({"channel": channel, "is_measured": False, "gap": None, "roi": None, "words": words})
    compared = [row for row in rows if row["is_measured"] and row["planned_return"] is not None]
    promised, came = (sum(row[name] for row in compared) for name in ("planned_return", "realised_return"))
    return clean(
        {
            "cycle": last.cycle,
            "since": last.since,
            "until": last.until,
            "elapsed": last.elapsed,
            "planned_return": promised if compared else None,
            "realised_return": came if compared else None,
            "gap": (came - promised) / promised if promised > 0 else None,
            "line": _line(len(compared), len(found), len(lines), promised, came),
            "channels": rows,
            "trend": _trend(rows, last.cycle, earlier),
        }
    )


def _unknown(channel: str, happened: DataFrame[ChannelWindow]) -> str:
    rows = happened[happened["channel"] == channel]
    units, responses = rows["units"].sum(), rows["responses"].sum()
    return (
        f"not measured: {responses:,.0f} responses to {units:,.0f} units, but nobody says what one brings "
        "(response_value, or revenue that applications report)"
    )


def _outcomes(
    known: list[str], happened: DataFrame[ChannelWindow], measured: pd.DataFrame, costs: Mapping[str, float]
) -> pd.DataFrame:
    """Units, cost and return of each channel that is measured; nothing happened where it has no row."""
    told = measured[measured["unit_return"].notna()]
    worth = told.assign(gain=told["unit_return"] * told["units"]).groupby("channel")[["gain", "responses"]].sum()
    value = (worth["gain"] / worth["responses"].replace(0.0, np.nan)).dropna().to_dict()
    found = []
    for channel in known:
        rows = happened[happened["channel"] == channel].sort_values("unit")  # contacts first: they alone count then
        unit = measured.loc[measured["channel"] == channel, "unit"].head(1).tolist() or rows["unit"].head(1).tolist()
        rows = rows[rows["unit"].isin(unit)]
        row: dict[Any, Any] = rows.iloc[0].to_dict() if len(rows) else {"units": 0.0, "responses": 0.0}
        revenue, reports = (float(np.nan_to_num(float(row.get(name) or 0.0))) for name in ("revenue", "reports"))
        others = max(float(row["responses"]) - reports, 0.0)
        gained = revenue + others * float(value.get(channel, 0.0))
        cost = float(row["units"]) * float(costs.get(channel, 0.0))
        partial = others > 0 and channel not in value
        came = {"channel": channel, "cost": cost, "realised_return": gained, "reports": reports, "is_partial": partial}
        found.append({**row, **came})
    return pd.DataFrame(found, columns=[*OF_OUTCOMES, *OF_CONTROL])


def _of_control(outcomes: pd.DataFrame) -> pd.DataFrame:
    """The same with all that contacted customers ordered as return: that is what a control group is compared with."""
    return outcomes.assign(realised_return=outcomes["treated_return"].fillna(outcomes["realised_return"]))


def _told(
    one: Realised,
    against: Realised,
    line: Mapping[str, Any],
    outcome: pd.Series,
    elapsed: float,
    why_not: str | None,
) -> dict[str, Any]:
    """A measured channel; ROI only where the cost is the user's own, a gap only where nothing says ``why_not``."""
    roi = None if line.get("cost_is") == "assumed" or outcome["is_partial"] else one.roi
    gap = None if why_not else one.gap
    responses, reports = float(outcome["responses"]), float(outcome["reports"])
    words = f"promised {one.planned_return:,.2f}"
    words += f" (the {elapsed:.0%} of the plan whose time is over)" if elapsed < 1 else ""
    words += f", came {one.realised_return:,.2f} of {responses:,.0f} responses to {one.units:,.0f} units"
    words += f" ({one.planned_units:,.0f} were planned)"
    words += f"; revenue was reported for {reports:,.0f} of them" if 0 < reports < responses else ""
    words += "" if gap is None else f": {gap:+.1%}"
    words += "" if why_not is None else f"; {why_not}"
    counted = "incremental" if outcome["is_incremental"] else "attributed"
    words += "" if roi is None else f"; ROI {roi:+.1%}, {counted}"
    if against.incremental_return is None or against.incremental_interval is None:
        words += "; not known to be incremental: nobody was held back"
    else:
        low, high = against.incremental_interval
        words += f"; incremental {against.incremental_return:,.2f} ({low:,.2f} to {high:,.2f}) beside the control group"
    return {
        "channel": one.channel,
        "is_measured": True,
        "planned_units": one.planned_units,
        "planned_cost": one.planned_cost,
        "planned_return": None if why_not else one.planned_return,
        "units": one.units,
        "cost": one.cost,
        "responses": responses,
        "realised_return": one.realised_return,
        "gap": gap,
        "roi": roi,
        "incremental_return": against.incremental_return,
        "incremental_interval": against.incremental_interval,
        "words": words,
    }


def _line(compared: int, measured: int, channels: int, promised: float, came: float) -> str:
    if not measured:
        return f"not measured: of its {channels} channels the data hold no results"
    gap = f" ({(came - promised) / promised:+.0%})" if promised > 0 else ""
    parts = [f"promised {promised:,.0f}, came {came:,.0f}{gap}"] if compared else []
    if compared < measured:
        parts.append(f"{measured - compared} of {channels} channels are measured, in other units than promised")
    if measured < channels:
        parts.append(f"{channels - measured} of {channels} channels are not measured")
    return "; ".join(parts)


def _trend(rows: list[dict[str, Any]], cycle: str, earlier: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Gaps over cycles, in the order of their plans (cycle ids begin with their instant)."""
    told = [(row["channel"], before["cycle"], row["gap"]) for before in earlier for row in before["channels"]]
    told += [(row["channel"], cycle, row["gap"]) for row in rows]
    gaps = pd.DataFrame(told, columns=["channel", "cycle", "gap"])
    gaps["gap"] = gaps["gap"].astype(float)
    found = realised.trend(gaps).to_dict("records")
    series = {c: part.sort_values("cycle") for c, part in gaps.dropna(subset=["gap"]).groupby("channel")}
    return [
        {**{str(k): v for k, v in row.items()}, "gaps": series[row["channel"]][["cycle", "gap"]].to_dict("records")}
        for row in found
    ]
