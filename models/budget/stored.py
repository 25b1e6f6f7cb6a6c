"""A problem as JSON: what a plan was made from can be solved again, by a service or years later."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from math import inf, isfinite
from typing import Any

import pandas as pd

from models.budget.problem import Problem, Rule, Where, of_channels
from models.errors import BadProblem

FRAMES = ("activities", "channels", "segments", "reach", "periods")
CHANGEABLE = ("min_units", "max_units", "fixed_units", "unit_cost", "unit_return")


def to_json(problem: Problem) -> dict[str, Any]:
    """Plain values; what is empty or infinite is None."""
    frames = {name: getattr(problem, name) for name in FRAMES}
    return {
        "budget": _plain(problem.budget),
        **{name: None if frame is None else _records(frame) for name, frame in frames.items()},
        "rules": [asdict(rule) for rule in problem.rules],
        "min_roi": problem.min_roi,
    }


def from_json(stored: Mapping[str, Any]) -> Problem:
    """What `to_json` gave, or the inputs of plans of earlier code: a list of ``channels``."""
    if "problem" not in stored:
        return of_channels(pd.DataFrame(stored["channels"]), inf)
    told = stored["problem"]
    frames = {name: None if told[name] is None else _frame(told[name]) for name in FRAMES}
    activities = frames.pop("activities")
    assert activities is not None
    rules = tuple(
        Rule(**{**rule, "where": Where(**{kind: tuple(names) for kind, names in rule["where"].items()})})
        for rule in told["rules"]
    )
    budget = inf if told["budget"] is None else float(told["budget"])
    return Problem(activities=activities, budget=budget, rules=rules, min_roi=told["min_roi"], **frames)


def changed(problem: Problem, budget: float, changes: Mapping[str, Mapping[str, float]]) -> Problem:
    """The problem with another budget, and other bounds, cost or return of channels (`CHANGEABLE`).

    Another return is that of the first units: the rest of a curve, segments and intervals move in proportion.

    Raises:
        BadProblem: a channel is not in the problem.
    """
    activities = problem.activities.copy()
    channels = problem.channels if problem.channels is not None else pd.DataFrame({"channel": []})
    channels = channels.copy()
    known = [str(name) for name in activities["channel"].unique()]
    for channel, values in changes.items():
        if channel not in known:
            what, remedy = f"there is no channel '{channel}'", f"choose among {', '.join(known)}"
            raise BadProblem("changes", None, "channel", what, remedy)
        if channel not in channels["channel"].tolist():
            channels = pd.concat([channels, pd.DataFrame({"channel": [channel]})], ignore_index=True)
        for name, value in values.items():
            if name in ("unit_cost", "unit_return"):
                rows = activities["channel"] == channel
                before = float(activities.loc[rows, name].iloc[0])
                factor = value / before if before else 0.0
                scaled = [name] if name == "unit_cost" else ["unit_return", "unit_return_low", "unit_return_high"]
                for column in (c for c in scaled if c in activities):
                    activities.loc[rows, column] = activities.loc[rows, column] * factor if before else value
            else:
                channels[name] = channels.get(name, pd.Series(float("nan"), index=channels.index)).astype(float)
                channels.loc[channels["channel"] == channel, name] = value
    return replace(problem, budget=budget, activities=activities, channels=channels if len(channels) else None)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): _plain(v) for k, v in row.items()} for row in frame.to_dict("records")]


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not isfinite(value):
        return None
    return value.item() if hasattr(value, "item") else value


def _frame(records: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(records)
    for name in frame.columns:
        if frame[name].isna().all():
            frame[name] = frame[name].astype(float)
    return frame
