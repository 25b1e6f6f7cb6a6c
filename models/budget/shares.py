"""Shares that only an empty plan keeps: a plan that buys nothing has no shares, and would pass for the best one."""

import numpy as np
import pandas as pd

from models.budget.arrays import Bools
from models.budget.problem import Problem, Rule, Where

ROUNDING = 1e-9


def contradiction(problem: Problem) -> str | None:
    """Why no plan that buys anything keeps the shares; ``None`` where one may.

    Floors of parts that do not overlap must not come to more than everything, nor caps of parts that together are
    everything to less. Shares of returns are left alone: returns below 0 make any share possible.
    """
    for measure in ("cost", "units"):
        rules = [rule for rule in problem.rules if rule.is_share and rule.measure == measure]
        chosen = {id(rule): _where(problem.activities, rule.where) for rule in rules}
        floors = sorted((r for r in rules if r.at_least is not None), key=lambda rule: -(rule.at_least or 0))
        apart: list[Rule] = []
        taken = np.zeros(len(problem.activities), dtype=bool)
        for rule in floors:
            if not (taken & chosen[id(rule)]).any():
                apart.append(rule)
                taken |= chosen[id(rule)]
        least = sum(rule.at_least or 0 for rule in apart)
        if least > 1 + ROUNDING:
            return _words("at least", [(rule.name, rule.at_least or 0) for rule in apart], least, measure)
        caps = [rule for rule in rules if rule.at_most is not None]
        most = sum(rule.at_most or 0 for rule in caps)
        if caps and most < 1 - ROUNDING and np.logical_or.reduce([chosen[id(rule)] for rule in caps]).all():
            return _words("at most", [(rule.name, rule.at_most or 0) for rule in caps], most, measure)
    return None


def _where(frame: pd.DataFrame, where: Where) -> Bools:
    found = np.ones(len(frame), dtype=bool)
    for column in ("channel", "segment", "offer", "period"):
        names = getattr(where, f"{column}s")
        if names:
            found &= frame[column].astype(str).isin(names).to_numpy()
    return found


def _words(sense: str, parts: list[tuple[str, float]], total: float, measure: str) -> str:
    named = " and ".join(f"{sense} {share:.4g} ({name})" for name, share in parts)
    change = "lower" if sense == "at least" else "raise"
    return f"shares of all {measure} contradict each other: {named} come to {total:.4g} of it; {change} one of them"
