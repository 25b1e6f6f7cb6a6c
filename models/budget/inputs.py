"""A budget problem from a table of channels and from what the loop knows of them; and where each figure comes from.

A return that people give is taken as it is. Where they leave it empty it comes from results: responses per unit times
what a response is worth, by segment, bent as the channel's weeks show. Where they give it together with
``response_value`` it is the prior, and results move it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame

from infra.budget_contracts import ChannelWeeks
from models.budget import limits
from models.budget.curves import FittedCurve, Prior, Sampled, fit
from models.budget.limits import KEYS
from models.budget.problem import Curve, Problem, Rule, Where
from models.budget.sources import Inputs, Origin, Source
from models.budget.tables import ALL
from models.errors import BadProblem

SEEN = 2.0  # a curve of results ends at twice the busiest week: nothing was seen beyond
PRIOR_WEIGHT = 0.1  # a prior counts as much as history of a tenth of the most units


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the data say; all may be without rows.

    ``measured``: `responses.measured`, and of that `lifts.incremental`. ``weeks``: those that are over. ``segments``:
    ``segment`` and ``reachable``, its customers who may be contacted.
    """

    measured: pd.DataFrame
    weeks: DataFrame[ChannelWeeks]
    segments: pd.DataFrame


def build(
    table: pd.DataFrame,
    budget: float,
    known: Known | None = None,
    *,
    plan_days: int = 28,
    max_shares: Mapping[str, float] | None = None,
    periods: Mapping[str, float] | None = None,
    min_roi: float | None = None,
    contacts_per_customer: float | None = None,
) -> Inputs:
    """The problem of a checked table (`channel_table.checked_table`).

    Args:
        table: Channels.
        budget: Money for all of them.
        known: What the data say of channels; without, every return must be in the table.
        plan_days: How long the plan is for: what segments can take, and how curves of weeks are stretched.
        max_shares: Channel → the most of all money that may go to it; beside those of the table.
        periods: Period of the table → its budget; other periods have none of their own.
        min_roi: See `Problem`.
        contacts_per_customer: At most so many in the plan, over all channels that contact customers by segment.

    Raises:
        BadProblem: a return is empty and the data hold no results, a share names no channel of the table, a period's
            budget none of its periods, or a channel of contacts is bought for a segment that the data do not know.
    """
    weeks = plan_days / 7
    bends = _bends(table, known, weeks)
    parts, sources, rules, reach = [], [], list(limits.shares(table, max_shares or {})), []
    for channel, rows in table.groupby("channel", sort=False):
        results = _results(known, str(channel))
        bend = bends.get(str(channel))
        is_contacted = known is not None and _is_contacted(known, str(channel))
        if known is not None and is_contacted:
            limits.refuse_unknown_segments(rows, known.segments)
        empty = rows["unit_return"].isna()
        if empty.any() and results.empty:
            raise _no_return(str(channel), int(rows.index[empty][0]), known)
        if len(rows) == 1 and empty.all() and rows["segment"].iloc[0] == ALL:
            part, caps = _by_segment(rows.iloc[0], results, bend, weeks)
            rules += caps
        else:
            part = _as_written(rows, results, bend, weeks)
            rules += limits.of_rows(rows) if len(rows) > 1 else []
        if known is not None and is_contacted:
            reach.append(limits.reach(part, known.segments))
        parts.append(part)
        sources.append(_source(str(channel), rows, None if known is None else results, bend))
    rules += limits.once(reach, parts)
    if contacts_per_customer is not None:
        rules += limits.contacts(reach, contacts_per_customer)
    problem = Problem(
        activities=pd.concat(parts, ignore_index=True),
        budget=budget,
        channels=limits.of_channels(table),
        reach=pd.concat(reach, ignore_index=True) if reach else None,
        periods=limits.periods(table, periods or {}),
        rules=tuple(rules),
        min_roi=min_roi,
    )
    return Inputs(problem=problem, sources=tuple(sources), current=_current(table))


def _no_return(channel: str, row: int, known: Known | None) -> BadProblem:
    if known is not None and channel in set(known.measured["channel"]):
        what = f"is empty, and the data tell how many respond to '{channel}', not what a response brings"
        return BadProblem("channels", row, "unit_return", what, "give that in the column response_value")
    what = f"is empty, and the data hold no results of '{channel}'"
    remedy = "give the return of a unit, or bring the channel's campaigns or impressions"
    return BadProblem("channels", row, "unit_return", what, remedy)


def _bends(table: pd.DataFrame, known: Known | None, weeks: float) -> dict[str, FittedCurve]:
    """Curves over the whole plan of channels whose return comes from results, wholly or in part."""
    if known is None or known.weeks.empty:
        return {}
    priors, sampled, history = {}, {}, []
    for channel, rows in table.groupby("channel", sort=False):
        row, results = rows.iloc[0], _results(known, str(channel))
        if len(rows) > 1 or results.empty or not (np.isnan(row.unit_return) or row.response_value > 0):
            continue
        mean = _mean(results)
        told = known.weeks[(known.weeks["channel"] == channel) & (known.weeks["unit"] == results["unit"].iloc[0])]
        most = float(row.max_units) / weeks
        if np.isnan(row.unit_return):
            most = min(most, SEEN * float(told["units"].max())) if len(told) else 0.0
        if most <= 0 or not np.isfinite(most):
            continue
        of_response = mean / max(float(results["responses"].sum() / results["units"].sum()), 1e-300)
        history.append(told.assign(result=told["responses"] * of_response)[["channel", "units", "result"]])
        sampled[str(channel)] = _sampled(results, mean)
        before = mean if np.isnan(row.unit_return) else float(row.unit_return)
        priors[str(channel)] = Prior(unit_return=before, max_units=most, worth_units=PRIOR_WEIGHT * most)
    if not priors:
        return {}
    found = fit(pd.concat(history, ignore_index=True), priors, sampled=sampled)
    return {channel: curve for channel, curve in found.items() if curve.source != "prior"}


def _sampled(results: pd.DataFrame, mean: float) -> Sampled:
    """How sure the mean over segments is: their customers are others, so their errors are apart from each other."""
    shares = (results["units"] / results["units"].sum()).to_numpy(float)
    low, high = (shares * (results[f"unit_return{end}"] - results["unit_return"]) for end in ("_low", "_high"))
    return Sampled(below=float(np.linalg.norm(low)), above=float(np.linalg.norm(high)))


def _by_segment(
    row: pd.Series, results: pd.DataFrame, bend: FittedCurve | None, weeks: float
) -> tuple[pd.DataFrame, list[Rule]]:
    """A channel with results: an activity for each segment, bent as the channel is.

    Of the channel's units a segment has had its share; so its curve has the same levels at that share of the units.
    """
    is_contact = results["unit"].iloc[0] == "contact"  # consent ends a segment then (`limits.reach`)
    mean = _mean(results)
    shares = results["units"] / results["units"].sum()
    parts = []
    for result, share in zip(results.to_dict("records"), shares.astype(float), strict=True):
        ends = {end: result[f"unit_return{end}"] for end in ("", "_low", "_high")}
        widths, levels = (np.array([1.0]), np.array([1.0]))
        if bend is not None and mean > 0:
            widths = np.array(bend.curve.widths) * weeks * share
            levels = np.array(bend.curve.marginal) / mean
        part = {f"unit_return{end}": levels * value for end, value in ends.items()}
        widths[-1] = np.inf  # the limit on the segment ends it, and says what it is worth
        parts.append(
            pd.DataFrame(part | {"segment": result["segment"], "max_units": widths, "piece": range(len(widths))})
        )
    rules = [
        Rule(
            name=f"no more than in the busiest week: {row.channel} · {segment}",
            measure="units",
            where=Where(channels=(str(row.channel),), segments=(str(segment),)),
            at_most=float(cap),
        )
        for segment, cap in zip(results["segment"], results["busiest_units"] * weeks, strict=True)
        if not is_contact
    ]
    whole = {"channel": row.channel, "offer": row.offer, "period": row.period, "unit_cost": float(row.unit_cost)}
    return pd.concat(parts, ignore_index=True).assign(**whole), rules


def _as_written(rows: pd.DataFrame, results: pd.DataFrame, bend: FittedCurve | None, weeks: float) -> pd.DataFrame:
    """Rows as people wrote them; an empty return comes from the segment's results."""
    if len(rows) == 1 and bend is not None:
        row = rows.iloc[0]
        return _pieces(bend.curve, weeks).assign(**{str(k): row[k] for k in (*KEYS, "unit_cost")})
    part = rows[[*KEYS, "unit_cost", "unit_return", "unit_return_low", "unit_return_high"]].assign(piece=0)
    part["max_units"] = rows["max_units"] if len(rows) > 1 else np.inf
    for at, row in rows[rows["unit_return"].isna()].iterrows():
        found = results if row.segment == ALL else results[results["segment"] == row.segment]
        if found.empty:
            what = f"is empty, and the data hold no results of '{row.channel}' in segment '{row.segment}'"
            raise BadProblem("channels", int(str(at)), "unit_return", what, "give the return of a unit")
        for end in ("", "_low", "_high"):
            part.loc[at, f"unit_return{end}"] = np.average(found[f"unit_return{end}"], weights=found["units"])
    return part.reset_index(drop=True)


def _pieces(curve: Curve, weeks: float) -> pd.DataFrame:
    widths = np.array(curve.widths) * weeks
    widths[-1] = np.inf  # the channel's own maximum ends it
    unknown = (np.nan,) * len(widths)
    return pd.DataFrame(
        {
            "unit_return": curve.marginal,
            "max_units": widths,
            "unit_return_low": curve.low or unknown,
            "unit_return_high": curve.high or unknown,
            "piece": range(len(widths)),
        }
    )


def _results(known: Known | None, channel: str) -> pd.DataFrame:
    if known is None:
        return pd.DataFrame(columns=["unit_return"])
    found = known.measured[known.measured["channel"] == channel]
    return found[found["unit_return"].notna()]


def _is_contacted(known: Known, channel: str) -> bool:
    """Whether a unit of the channel is a contact, whatever its return comes from: then consent limits it."""
    return "contact" in set(known.measured.loc[known.measured["channel"] == channel, "unit"])


def _current(table: pd.DataFrame) -> pd.DataFrame | None:
    """Today's units, where the table tells them; a cell left empty means none."""
    if table["current_units"].isna().all():
        return None
    named = [key for key in KEYS if key == "channel" or (table[key] != ALL).any()]
    return table[named].assign(units=table["current_units"].fillna(0.0))


def _source(channel: str, rows: pd.DataFrame, results: pd.DataFrame | None, bend: FittedCurve | None) -> Source:
    """``results``: without rows where the data hold none, None where nobody looked."""
    is_assumed = "is_assumed" in rows and bool(rows["is_assumed"].fillna(False).astype(bool).any())
    cost: Literal["assumed", "given"] = "assumed" if is_assumed else "given"
    empty = rows["unit_return"].isna().any()
    origin: Origin = "history" if empty else "given and history" if bend is not None else cost
    if origin in ("assumed", "given"):
        whose = "cost and return are assumed, an example" if is_assumed else "cost and return as given"
        words = whose
        if results is not None:
            seen = f"say {_told(results)}, which is not used" if len(results) else "hold no results of it"
            words += f"; the data {seen}"
    else:
        assert results is not None
        curve = (
            bend.words.removeprefix(f"{channel}: ") if bend is not None else "a straight line: its weeks tell no curve"
        )
        words = f"cost {cost}; return from results: {_told(results)}; {curve}"
    return Source(
        channel=channel,
        cost=cost,
        unit_return=origin,
        is_measured=results is not None and len(results) > 0,
        words=words,
    )


def _mean(results: pd.DataFrame) -> float:
    """Return of a unit over all segments."""
    return float(np.average(results["unit_return"].to_numpy(float), weights=results["units"].to_numpy(float)))


def _told(results: pd.DataFrame) -> str:
    units, responses = results["units"].sum(), results["responses"].sum()
    unit = results["unit"].iloc[0]
    mean = _mean(results)
    return f"{responses:,.0f} responses to {units:,.0f} {unit}s, {mean:,.4g} per {unit} ({_whose(results.iloc[0])})"


def _whose(result: pd.Series) -> str:
    """Whether a channel's returns are incremental, and why not."""
    held_back, ratio = result["held_back"], result["incremental_ratio"]
    if not held_back:
        return "attributed, not incremental: nobody was held back"
    if np.isnan(ratio):
        return f"attributed, not incremental: {held_back:,.0f} customers held back are too few to tell"
    low, high = result["incremental_ratio_low"], result["incremental_ratio_high"]
    doubt = "" if low > 0 else ", which may be nothing"
    return (
        f"incremental: {ratio:.0%} of what is attributed ({low:.0%} to {high:.0%}{doubt}), beside {held_back:,.0f} "
        "customers held back"
    )
