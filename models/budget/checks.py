"""What a problem may hold: bad input is named by table, row and column, with what to do about it."""

import difflib
from collections.abc import Iterable
from dataclasses import replace
from math import isfinite, isnan
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.budget import tables
from models.budget.arrays import Floats
from models.budget.problem import Problem, Rule
from models.budget.tables import ALL, Table
from models.errors import BadProblem, Infeasible

EPSILON = 1e-12  # relative: what rounding may raise a marginal return by


def checked(problem: Problem) -> Problem:
    """The problem with all columns and their defaults, its rows in the order given.

    Raises:
        BadProblem: something in it cannot be; says where, what and what to do.
        Infeasible: a channel's minimum lies above its maximum.
    """
    if isnan(problem.budget) or problem.budget < 0:
        raise BadProblem("problem", None, "budget", f"is {problem.budget:g}", "give 0 or more")
    if problem.min_roi is not None and not (isfinite(problem.min_roi) and problem.min_roi > -1):
        raise BadProblem("problem", None, "min_roi", f"is {problem.min_roi:g}", "give a number above −1; 0 breaks even")
    _one_currency(problem)
    activities = complete(problem.activities, tables.ACTIVITIES)
    if activities.empty:
        raise BadProblem("activities", None, "channel", "there is nothing to buy", "give at least one activity")
    _intervals(activities)
    _concave(activities)
    known = {column: _names(activities[column]) for column in ("channel", "segment", "offer", "period")}
    channels, segments, reach, periods = (
        None if frame is None else complete(frame, table, known)
        for frame, table in (
            (problem.channels, tables.CHANNELS),
            (problem.segments, tables.SEGMENTS),
            (problem.reach, tables.REACH),
            (problem.periods, tables.PERIODS),
        )
    )
    if channels is not None:
        _channels(channels, known["channel"])
    if segments is not None:
        _segments(segments, known["segment"])
    if periods is not None:
        _known(tables.PERIODS, "period", periods["period"], known["period"])
    for rule in problem.rules:
        _rule(rule, known)
    return replace(problem, activities=activities, channels=channels, segments=segments, reach=reach, periods=periods)


def complete(frame: pd.DataFrame, table: Table, known: dict[str, list[str]] | None = None) -> pd.DataFrame:
    """The frame with every column of the table, numbers as floats, defaults filled in.

    A key left out stands for the one value ``all``, or, where ``known`` has several values, for each of them.
    """
    columns: dict[str, Any] = {}
    for key in table.keys:
        if key in frame:
            columns[key] = frame[key].array
            _refuse(table, key, np.asarray(columns[key].isna()), "is empty", "name it")
        elif key == table.keys[0]:
            raise BadProblem(table.name, None, key, "is missing", "add the column")
        else:
            columns[key] = 0 if key == "piece" else ALL
    for column in table.numbers:
        if column.name in frame:
            columns[column.name] = _numbers(frame[column.name], table, column)
        elif column.default is None:
            raise BadProblem(table.name, None, column.name, "is missing", "add the column")
        else:
            columns[column.name] = float(column.default)
    completed = pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))
    for key in table.keys:
        if key not in frame and known is not None and known.get(key, [ALL]) != [ALL]:
            completed = completed.drop(columns=key).merge(pd.DataFrame({key: known[key]}), how="cross")
    given = [key for key in table.keys if key in frame]
    twice = frame[given].duplicated().to_numpy()
    if twice.any():
        shown = " · ".join(str(frame[key].iloc[int(twice.argmax())]) for key in given if key != "piece")
        _refuse(table, table.keys[0], twice, f"'{shown}' is there already", "give each one row")
    return completed


def _numbers(series: pd.Series, table: Table, column: tables.Column) -> Floats:
    if pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series):
        values = series.to_numpy(dtype=float, na_value=np.nan, copy=column.may_be_empty)
    else:
        truths = series.map(lambda cell: isinstance(cell, (bool, np.bool_))).to_numpy(bool)
        values = pd.to_numeric(series, errors="coerce").to_numpy(dtype=float, na_value=np.nan, copy=True)
        strange = truths | (np.isnan(values) & series.notna().to_numpy())
        told = f"'{series.iloc[int(strange.argmax())]}' is not a number" if strange.any() else ""
        _refuse(table, column.name, strange, told, "write a plain number, such as 1234.5")
    if column.may_be_empty:
        values[np.isnan(values)] = column.default
    else:
        _refuse(table, column.name, np.isnan(values), "is missing (NaN)", "give a number, or leave the row out")
    low, high = column.range.low, column.range.high
    wrong = (values <= low) if column.range.without_low else (values < low)
    wrong |= (values >= high) if column.range.without_high else (values > high)
    if wrong.any():
        what = f"is {values[int(wrong.argmax())]:g}"
        _refuse(table, column.name, wrong, what, f"it must be {column.range}")
    return values


def _intervals(frame: pd.DataFrame) -> None:
    low, high, middle = (frame[f"unit_return{end}"].to_numpy() for end in ("_low", "_high", ""))
    alone = np.isnan(low) != np.isnan(high)
    _refuse(tables.ACTIVITIES, "unit_return_low", alone, "has one end alone", "give both or neither")
    slack = EPSILON * np.abs(middle)
    outside = (low > middle + slack) | (high < middle - slack)
    _refuse(tables.ACTIVITIES, "unit_return_low", outside, "the interval does not hold unit_return", "swap its ends")


def _concave(frame: pd.DataFrame) -> None:
    """Within an activity: one unit cost, marginal returns that never rise, and only the last piece without end."""
    if not frame["piece"].any():
        return
    keys = ["channel", "segment", "offer", "period"]
    ordered = frame.sort_values([*keys, "piece"], kind="stable")
    same = np.ones(len(ordered), dtype=bool)
    for key in keys:
        same &= (ordered[key].astype(object) == ordered[key].astype(object).shift()).to_numpy()
    before = ordered.shift()
    gain, last = ordered["unit_return"], before["unit_return"]
    rises = same & (gain > last + EPSILON * last.abs()).to_numpy()
    dear = same & (ordered["unit_cost"] != before["unit_cost"]).to_numpy()
    endless = same & np.isinf(before["max_units"].to_numpy(float))
    for wrong, column, what, remedy in (
        (rises, "unit_return", "rises from piece to piece: the curve is not concave", "make marginal returns fall"),
        (dear, "unit_cost", "differs between pieces of one activity", "give all its pieces one cost"),
        (endless, "max_units", "a piece follows one without end", "give all pieces but the last a width"),
    ):
        by_row = np.empty(len(wrong), dtype=bool)
        by_row[ordered.index] = wrong
        _refuse(tables.ACTIVITIES, column, by_row, what, remedy)


def _channels(frame: pd.DataFrame, known: list[str]) -> None:
    _known(tables.CHANNELS, "channel", frame["channel"], known)
    crossed = np.isnan(frame["fixed_units"].to_numpy()) & (frame["min_units"] > frame["max_units"]).to_numpy()
    if crossed.any():
        row = frame.iloc[int(crossed.argmax())]
        raise Infeasible(f"channel '{row.channel}': minimum {row.min_units:g} above maximum {row.max_units:g} units")


def _segments(frame: pd.DataFrame, known: list[str]) -> None:
    """A segment without customers gets nothing; it cannot have a floor."""
    empty = ((frame["customers"] == 0) & (frame["min_contacts_per_customer"] > 0)).to_numpy()
    _refuse(tables.SEGMENTS, "customers", empty, "a floor for a segment without customers", "leave the segment out")
    left_out = [name for name in known if name not in set(frame["segment"].astype(str))]
    if left_out:
        what = f"the activities' segment '{left_out[0]}' has no row"
        raise BadProblem("segments", None, "segment", what, "add it with its customers")


def _rule(rule: Rule, known: dict[str, list[str]]) -> None:
    place = f"rule '{rule.name}'"
    bounds = [b for b in (rule.at_least, rule.at_most) if b is not None]
    if not bounds:
        raise BadProblem(place, None, "at_least", "limits nothing", "give at_least, at_most or both")
    if any(isnan(b) or (rule.is_share and not 0 <= b <= 1) for b in bounds):
        raise BadProblem(place, None, "at_most", f"is {bounds[-1]:g}", "a share is between 0 and 1")
    if len(bounds) == 2 and bounds[0] > bounds[1]:
        raise Infeasible(f"{place}: at least {bounds[0]:g} is above at most {bounds[1]:g}")
    for column, names in known.items():
        chosen = getattr(rule.where, f"{column}s")
        for name in chosen:
            if name not in names:
                raise BadProblem(place, None, column, f"there is no {column} '{name}'", _near(name, names))


def _known(table: Table, column: str, names: pd.Series, known: list[str]) -> None:
    strange = ~np.isin(names.astype(str).to_numpy(dtype=object), known)
    if strange.any():
        name = str(names.iloc[int(strange.argmax())])
        _refuse(table, column, strange, f"the plan has no '{name}'", _near(name, known))


def _one_currency(problem: Problem) -> None:
    found: list[str] = []
    for name in ("activities", "channels", "segments", "periods"):
        frame = getattr(problem, name)
        if frame is None or "currency" not in frame:
            continue
        column = frame["currency"]
        for currency in column.dropna().astype(str).unique():
            if found and currency not in found:
                row = int((column.astype(str) == currency).to_numpy().argmax())
                what = f"is {currency}, elsewhere {found[0]}"
                raise BadProblem(str(name), row, "currency", what, "convert all money to one currency first")
            found.append(currency)


def _names(column: pd.Series) -> list[str]:
    return [str(name) for name in column.unique()]


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean '{near[0]}'?" if near else "take it out, or add its activities"


def _refuse(table: Table, column: str, wrong: NDArray[np.bool_], what: str, remedy: str) -> None:
    if wrong.any():
        raise BadProblem(table.name, int(wrong.argmax()), column, what, remedy)
