"""A plan as plain values: the one shape in which the ledger, services, terminal and page know it."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import pandas as pd

from models.budget.arrays import Floats
from models.budget.explain import Explanation, explain
from models.budget.frontier import frontier, marginal_return
from models.budget.problem import Problem
from models.budget.solution import Interval, Limit, LimitValue, Method, Solution
from models.budget.sources import Inputs, Source
from models.budget.tables import ALL

OF_A_CHANNEL = {"channel minimum": "minimum", "channel maximum": "maximum", "channel frozen": "frozen"}
DIGITS = 12
Document = dict[str, Any]


def planned(
    inputs: Inputs, method: Method, current: pd.DataFrame | None = None, *, with_frontier: bool = True
) -> Document:
    """Solve, explain and tell; ``current`` is the plan in force (by default that of the inputs).

    Where no plan is better than the current one, what is told is the current one.

    Raises:
        what `solve` and `explain` raise.
    """
    problem = inputs.problem
    explanation = explain(problem, current=_or(current, inputs.current), method=method)
    document = told(problem, explanation)
    by_channel = {source.channel: source for source in inputs.sources}
    for line in document["allocation"]:
        line.update(_origin(by_channel.get(line["channel"])))
    document["sources"] = [
        {
            "channel": s.channel,
            "cost": s.cost,
            "unit_return": s.unit_return,
            "is_measured": s.is_measured,
            "words": s.words,
        }
        for s in inputs.sources
    ]
    document["frontier"] = clean(frontier(problem, method=method).to_dict("records")) if with_frontier else None
    return document


def told(problem: Problem, explanation: Explanation) -> Document:
    """The explanation as plain values. Keys of plans stored by earlier code mean what they meant."""
    solution = explanation.solution
    more = marginal_return(solution)
    conservative = explanation.conservative
    return clean(
        {
            "budget": problem.budget,
            "cost": sum(share.cost for share in explanation.channels),
            "expected_return": sum(share.expected_return for share in explanation.channels),
            "marginal_return": more,
            "allocation": _allocation(problem, explanation),
            "interval": _whole_interval(explanation),
            "marginal_less": solution.marginal.less if solution.marginal is not None else more,
            "status": solution.status,
            "gap": solution.gap,
            "solver": solution.solver,
            "values": [_value(value) for value in explanation.values],
            "next_money": [_step(step) for step in explanation.next_money],
            "comparison": _comparison(explanation),
            "not_conservative": explanation.not_conservative,
            "conservative": None if conservative is None else _conservative(problem, conservative, explanation.at_low),
            "words": list(explanation.words),
        }
    )


def _allocation(problem: Problem, explanation: Explanation) -> list[dict[str, Any]]:
    """A line for each channel, with its parts where it is bought for several segments, offers or periods."""
    binds = {limit.of: OF_A_CHANNEL[limit.kind] for limit in explanation.solution.limits if _is_bound(limit)}
    parts = _parts(problem, explanation.units)
    return [
        {
            "channel": share.of,
            "units": share.units,
            "cost": share.cost,
            "expected_return": share.expected_return,
            "binds": binds.get(share.of),
            "interval": _interval(share.interval) if share.units > 0 else None,
            "parts": parts.get(share.of, []),
        }
        for share in explanation.channels
    ]


def _is_bound(limit: Limit) -> bool:
    return limit.binds and limit.kind in OF_A_CHANNEL


def _parts(problem: Problem, units: Floats) -> dict[str, list[dict[str, Any]]]:
    """Units, cost and return by channel and what else the problem tells apart."""
    frame = problem.activities.reset_index(drop=True)
    keys = [key for key in ("segment", "offer", "period") if key in frame and (frame[key] != ALL).any()]
    if not keys:
        return {}
    counted = frame[["channel", *keys]].assign(
        units=units,
        cost=units * frame["unit_cost"],
        expected_return=units * frame["unit_return"],
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in counted.groupby(["channel", *keys], sort=False).sum().reset_index().to_dict("records"):
        channel = str(row.pop("channel"))
        found.setdefault(channel, []).append({str(k): v if k in keys else float(v) for k, v in row.items()})
    return {channel: parts for channel, parts in found.items() if any(p[k] != ALL for p in parts for k in keys)}


def units_of(document: Mapping[str, Any]) -> pd.DataFrame:
    """The plan of a document as units by channel, segment, offer and period: what a later plan is compared with."""
    rows = []
    for line in document["allocation"]:
        for part in line.get("parts") or [line]:
            keys = {key: part.get(key, ALL) for key in ("segment", "offer", "period")}
            rows.append({"channel": line["channel"], **keys, "units": part["units"]})
    return pd.DataFrame(rows)


def comparable(document: Mapping[str, Any], problem: Problem) -> pd.DataFrame | None:
    """An earlier plan as the current one of a problem; None where its channels are others.

    It is told by channel alone where segments, offers or periods are others, or not told by it.
    """
    units, frame = units_of(document), problem.activities
    if set(units["channel"]) != set(frame["channel"].astype(str)):
        return None
    told = [key for key in ("segment", "offer", "period") if key in frame and (frame[key] != ALL).any()]
    if any(not set(units.loc[units["units"] > 0, key]) <= set(frame[key].astype(str)) for key in told):
        told = []
    bought = units[units["units"] > 0] if told else units
    return bought.groupby(["channel", *told], sort=False)["units"].sum().reset_index()


def _comparison(explanation: Explanation) -> dict[str, Any] | None:
    found = explanation.comparison
    if found is None:
        return None
    return {
        "current_cost": found.current_cost,
        "current_return": found.current_return,
        "broken": list(found.broken),
        "scale": found.scale,
        "scaled_return": found.scaled_return,
        "still_broken": list(found.still_broken),
        "difference": found.difference,
        "keep_current": found.keep_current,
        "words": found.words,
    }


def _conservative(problem: Problem, solution: Solution, at_low: float | None) -> dict[str, Any]:
    """The plan that is best if every return lies at its low end; what it, and the plan proper, return then."""
    frame = problem.activities.reset_index(drop=True)
    units = pd.Series(solution.units).groupby(frame["channel"], sort=False).sum()
    return {
        "cost": solution.cost,
        "expected_return": solution.expected_return,
        "plan_at_low": at_low,
        "allocation": [{"channel": str(channel), "units": float(n)} for channel, n in units.items()],
    }


def _value(value: LimitValue) -> dict[str, Any]:
    limit = value.limit
    return {
        "kind": limit.kind,
        "of": limit.of,
        "amount": limit.amount,
        "unit": limit.unit,
        "words": limit.words,
        "more": value.more,
        "less": value.less,
    }


def _step(step: Any) -> dict[str, Any]:
    names = ("cost", "units", "expected_return", "channel", "segment", "offer", "period", "words")
    return {name: getattr(step, name) for name in names}


def _origin(source: Source | None) -> dict[str, Any]:
    return {} if source is None else {"cost_is": source.cost, "return_is": source.unit_return}


def _whole_interval(explanation: Explanation) -> list[float] | None:
    """Of all channels together; those without an interval count as sure. None where none has one."""
    shares = [share for share in explanation.channels if share.units > 0]
    if all(share.interval is None for share in shares):
        return None
    spans = [share.interval or Interval(low=share.expected_return, high=share.expected_return) for share in shares]
    return [sum(span.low for span in spans), sum(span.high for span in spans)]


def _interval(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]


def clean(value: Any) -> Any:
    """Twelve digits, of which rounding has spoilt none; JSON knows neither NaN nor infinity: None."""
    if isinstance(value, Mapping):
        return {str(name): clean(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") + 0.0 if isfinite(value) else None
    return value


def _or(first: pd.DataFrame | None, second: pd.DataFrame | None) -> pd.DataFrame | None:
    return second if first is None else first
