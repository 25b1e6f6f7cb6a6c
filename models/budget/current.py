"""The plan in force, under the same assumptions as the best one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from models.budget import exact
from models.budget.arrays import Floats
from models.budget.built import BUDGETS, HAIR, Built, within_budgets
from models.budget.problem import Problem, Rule, Where
from models.budget.solution import Method, Solution
from models.budget.solve import solve
from models.errors import BadProblem, Infeasible

KEYS = ("channel", "segment", "offer", "period")
BETTER = 1e-9  # relative: a difference in return smaller than this is none
BROKEN = 1e-7  # relative: a limit broken by less is kept; but of a budget only what rounding adds (`built.HAIR`)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The plan in force against the best one, under the same assumptions.

    Attributes:
        current_cost, current_return: Of the current plan, as it is.
        broken: Limits that it does not keep, in words with amounts; empty: it is feasible.
        scale: What its units were multiplied by to fit the budgets (1: nothing).
        scaled_return: Its return after scaling, which is what is compared.
        still_broken: Limits that it does not keep even after scaling (a minimum, say).
        difference: Best return − scaled return; never below 0 where the scaled plan keeps all limits.
        keep_current: The current plan keeps all limits, and the best one is no better: keep it.
        units: Of the current plan, by activity.
        words: All of this in a sentence or two.
    """

    current_cost: float
    current_return: float
    broken: tuple[str, ...]
    scale: float
    scaled_return: float
    still_broken: tuple[str, ...]
    difference: float
    keep_current: bool
    units: Floats
    words: str


def compare(built: Built, solution: Solution, current: pd.DataFrame, method: Method) -> Comparison:
    """The current plan against the solution.

    Args:
        built: What was solved.
        solution: Its best plan.
        current: ``channel`` and ``units``; and ``segment``, ``offer``, ``period`` where it tells them apart. What it
            does not tell apart is split as well as can be: the benefit of the doubt is the current plan's.
        method: How to solve that.

    Raises:
        BadProblem: it names what no activity has, or units that are none.
    """
    units, overflow = _by_activity(built, current, method)
    units, form = within_budgets(built.form, units), built.form
    broken = (*overflow, *broken_limits(built, units))
    scale = _scale(built, units)
    scaled = units if scale == 1 else _filled(built.problem.activities, _totals(built, units) * scale)[0]
    still = broken if scale == 1 else (*overflow, *broken_limits(built, scaled))
    gained = float(form.returns @ scaled)
    difference = solution.expected_return - gained
    keep = not broken and difference <= BETTER * max(abs(gained), abs(solution.expected_return), 1.0)
    comparison = Comparison(
        current_cost=float(form.costs @ units),
        current_return=float(form.returns @ units),
        broken=broken,
        scale=scale,
        scaled_return=gained,
        still_broken=still,
        difference=max(difference, 0.0) if keep else difference,
        keep_current=keep,
        units=units,
        words="",
    )
    return replace(comparison, words=_words(comparison))


def broken_limits(built: Built, units: Floats) -> tuple[str, ...]:
    """The limits that units of activities do not keep, in words with amounts."""
    form = built.form
    used = form.matrix @ units
    off = exact.breaches(form, units)
    size = np.maximum(np.maximum(np.abs(form.amount), np.abs(used)), 1e-6)
    batches = set(form.batch_row.tolist())
    allowed = np.where(np.isin(form.kind_of_rows(), BUDGETS), HAIR, BROKEN) * size
    broken = [int(row) for row in np.flatnonzero(off > allowed) if int(row) not in batches]
    words = [f"{form.limit(row).words}: off by {off[row]:,.2f}" for row in broken]
    for row, batch in zip(form.batch_row, form.batch_units, strict=True):
        count = used[row] / batch
        if abs(count - round(count)) > BROKEN * max(1.0, count):
            words.append(f"{form.limit(int(row)).words}: {count:,.4g} batches")
    return tuple(words)


def _by_activity(built: Built, current: pd.DataFrame, method: Method) -> tuple[Floats, tuple[str, ...]]:
    """Units of each activity, and what there is no room for."""
    frame = built.problem.activities
    given = [key for key in KEYS if key in current]
    if "channel" not in given or "units" not in current:
        raise BadProblem("current", None, "channel", "is missing", "give channel and units")
    units = current["units"].reset_index(drop=True).astype(float)
    wrong = units.isna() | (units < 0) | np.isinf(units)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise BadProblem("current", row, "units", f"is {units.iloc[row]:g}", "give units of 0 or more")
    asked = units.groupby([current[key].reset_index(drop=True).astype(str) for key in given], sort=False).sum()
    for level, key in enumerate(given):
        known = set(frame[key].astype(str).unique())
        for name in asked.index.get_level_values(level):
            if name not in known:
                what = f"the plan has no {key} '{name}'"
                raise BadProblem("current", None, key, what, "leave it out here, or add it to the channels")
    if all(key in given or frame[key].nunique() == 1 for key in KEYS):
        place = pd.MultiIndex.from_arrays([frame[key].astype(str) for key in given])
        wanted = pd.MultiIndex.from_arrays([asked.index.get_level_values(i) for i in range(len(given))])
        at = wanted.get_indexer(place)
        totals = np.where(at >= 0, asked.to_numpy()[at], 0.0)
        filled, over = _filled(frame, totals)
        return filled, tuple(_no_room(frame, over))
    return _split(built.problem, given, asked, method)


def _totals(built: Built, units: Floats) -> Floats:
    """For each row, the units of its activity over all pieces."""
    frame = built.problem.activities
    return pd.Series(units).groupby([frame[key] for key in KEYS], observed=True).transform("sum").to_numpy(float)


def _filled(frame: pd.DataFrame, totals: Floats) -> tuple[Floats, Floats]:
    """An activity's units into its pieces, the first first; and what does not fit, at the first piece."""
    order = frame.sort_values("piece", kind="stable").index.to_numpy()
    widths = frame["max_units"].to_numpy(float)[order]
    keys = [frame[key].iloc[order].to_numpy() for key in KEYS]
    room = pd.Series(widths).groupby(keys, observed=True)
    before = (room.cumsum() - widths).fillna(np.inf).to_numpy()  # ∞ − ∞: the piece without end is the first
    before = np.where(room.cumcount() == 0, 0.0, before)
    units, over = np.empty(len(order)), np.zeros(len(order))
    units[order] = np.clip(totals[order] - before, 0.0, widths)
    excess = totals[order] - room.transform("sum").to_numpy()
    over[order] = np.where(room.cumcount() == 0, np.maximum(excess, 0.0), 0.0)
    return units, over


def _no_room(frame: pd.DataFrame, over: Floats) -> Iterator[str]:
    for row in np.flatnonzero(over > BROKEN):
        name = " · ".join(str(frame[key].iloc[int(row)]) for key in KEYS if frame[key].nunique() > 1) or "everything"
        yield f"{name} has no room for {over[row]:,.2f} of the current units"


def _split(problem: Problem, given: list[str], asked: pd.Series, method: Method) -> tuple[Floats, tuple[str, ...]]:
    """The best split of units that are told by channel, say, over what they do not tell apart.

    One that keeps all limits where there is one; else one that keeps consent, contacts, curves; else as much as fits.
    """

    def rules(*, exactly: bool) -> tuple[Rule, ...]:
        made = []
        for names, units in asked.items():
            chosen = names if isinstance(names, tuple) else (names,)
            where = Where(**{f"{key}s": (str(name),) for key, name in zip(given, chosen, strict=True)})
            label, least = " · ".join(str(name) for name in chosen), float(units) if exactly else None
            made.append(Rule(name=label, measure="units", where=where, at_least=least, at_most=float(units)))
        return tuple(made)

    held = replace(problem, rules=(*problem.rules, *rules(exactly=True)))
    segments = problem.segments
    if segments is not None:
        segments = segments.assign(min_contacts_per_customer=0.0)
    free = replace(problem, budget=np.inf, channels=None, periods=None, segments=segments, min_roi=None)
    free = replace(free, activities=problem.activities.assign(max_units=_others(problem, given, asked)))
    for attempt in (held, replace(free, rules=rules(exactly=True))):
        try:
            return solve(attempt, method).units, ()
        except Infeasible:
            continue
    units = solve(replace(free, rules=rules(exactly=False)), method).units
    missing = float(asked.sum() - units.sum())
    return units, (f"there is no room for {missing:,.2f} of the current units: consent, contacts or curves end",)


def _others(problem: Problem, given: list[str], asked: pd.Series) -> Floats:
    """Room of the activities: none for what the current plan does not name."""
    frame = problem.activities
    place = pd.MultiIndex.from_arrays([frame[key].astype(str) for key in given])
    wanted = pd.MultiIndex.from_arrays([asked.index.get_level_values(i) for i in range(len(given))])
    return np.where(wanted.get_indexer(place) >= 0, frame["max_units"].to_numpy(float), 0.0)


def _scale(built: Built, units: Floats) -> float:
    form = built.form
    kinds = form.kind_of_rows()
    rows = np.flatnonzero(np.isin(kinds, BUDGETS))
    used, amount = (form.matrix @ units)[rows], form.amount[rows]
    over = used > amount * (1 + HAIR)
    return float((amount[over] / used[over]).min(initial=1.0))


def _words(c: Comparison) -> str:
    text = (
        f"the current plan costs {c.current_cost:,.2f} and returns {c.current_return:,.2f} under the same assumptions"
    )
    if c.broken:
        text += "; it is not feasible: " + "; ".join(c.broken[:5])
        text += f"; and {len(c.broken) - 5} more" if len(c.broken) > 5 else ""
    if c.scale != 1:
        text += f"; scaled by {c.scale:.4f} into the budget it returns {c.scaled_return:,.2f}"
    if c.still_broken and c.scale != 1:
        text += ", and still breaks: " + "; ".join(c.still_broken[:5])
    if c.keep_current:
        return text + "; no plan is better: keep it"
    if c.difference < 0:
        return text + f"; it returns {-c.difference:,.2f} more than the best plan only because it breaks limits"
    return text + f"; the best plan returns {c.difference:,.2f} more"
