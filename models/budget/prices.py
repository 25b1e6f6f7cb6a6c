"""Prices of limits for a large problem, nearly right and soon: a start for `sift`.

Most rows of a large problem say that a few columns share something (the offers of one channel, segment and period
share whom they reach). Given a price for every other row, each such *group* decides alone: it takes the column that
earns most after prices. What rows then lack or have left moves their prices (subgradients with Adam's step sizes, each
row's in proportion to the return at stake in it). A few hundred rounds of sparse products bring 600,000 columns within
a few thousandths of the optimum.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from models.budget.arrays import Floats
from models.budget.form import AT_LEAST, AT_MOST, Form, Ints

ROUNDS = 300
FIRST_STEP, STEP_HALVES_AFTER = 0.05, 20
MOMENTUM, MEMORY, SOFTENED = 0.9, 0.98, 1e-3


@dataclass(frozen=True, kw_only=True)
class Groups:
    """The columns in disjoint groups.

    Attributes:
        rows: The row of each group; a column that is in none of them is a group by itself, which has no row (−1).
        of: The group of each column.
        entry: The column's entry in its group's row (1 where it has none).
        amount: What the group shares.
        order: Columns by group; ``start`` where each group begins in it.
        others: The rows that are no group's.
        matrix: Those rows, over all columns.
    """

    rows: Ints
    of: Ints
    entry: Floats
    amount: Floats
    order: Ints
    start: Ints
    others: Ints
    matrix: sparse.csr_matrix

    def largest(self, values: Floats) -> Floats:
        """The largest value in each group."""
        return np.maximum.reduceat(values[self.order], self.start)


def grouped(form: Form, upper: Floats) -> Groups:
    """Groups by the kind of rows that has most of them, of those where no column is in two rows."""
    kinds, count = form.kind_of_rows(), len(form.returns)
    best = np.empty(0, dtype=np.int64)
    for kind in ("reach", "contact limit"):
        rows = np.flatnonzero(kinds == kind)
        if len(rows) > len(best) and np.bincount(form.matrix[rows].indices, minlength=count).max(initial=0) <= 1:
            best = rows
    part = form.matrix[best]
    of, entry = np.full(count, -1, dtype=np.int64), np.ones(count)
    of[part.indices] = np.repeat(np.arange(len(best)), np.diff(part.indptr))
    entry[part.indices] = part.data
    alone = np.flatnonzero(of < 0)
    of[alone] = len(best) + np.arange(len(alone))
    used, of = np.unique(of, return_inverse=True)
    rows = np.append(best, np.full(len(alone), -1, dtype=np.int64))[used]
    amount = np.append(form.amount[best], np.where(np.isfinite(upper[alone]), upper[alone], 1.0))[used]
    order = np.argsort(of, kind="stable")
    others = np.setdiff1d(np.arange(len(form.amount)), best)
    return Groups(
        rows=rows,
        of=of,
        entry=entry,
        amount=amount,
        order=order,
        start=np.flatnonzero(np.diff(of[order], prepend=-1)),
        others=others,
        matrix=form.matrix[others],
    )


def at_stake(form: Form, groups: Groups) -> Floats:
    """The return that the groups of each other row could bring at most: the scale of its price."""
    room = groups.amount[groups.of] / groups.entry
    gain = np.maximum(form.returns * room, 0.0)
    winner = gain >= groups.largest(gain)[groups.of]
    pattern = sparse.csr_matrix(
        (np.ones_like(groups.matrix.data), groups.matrix.indices, groups.matrix.indptr), shape=groups.matrix.shape
    )
    return np.asarray(pattern @ np.where(winner, gain, 0.0)) + 1e-12


def rough(form: Form, groups: Groups, stake: Floats, rounds: int = ROUNDS) -> Floats:
    """A price for each other row, as a value of its amount (`Found.row_values`)."""
    amount, sense = form.amount[groups.others], form.sense[groups.others]
    low = np.where(sense == AT_MOST, 0.0, -np.inf)
    high = np.where(sense == AT_LEAST, 0.0, np.inf)
    turned = groups.matrix.T.tocsr()
    room = np.minimum(groups.amount[groups.of] / groups.entry, form.upper)
    prices = np.zeros(len(amount))
    best, best_value = prices, np.inf
    speed, spread = np.zeros(len(amount)), np.zeros(len(amount))
    for i in range(1, rounds + 1):
        rate = (form.returns - turned @ prices) / groups.entry
        top = groups.largest(rate)
        taken = (rate >= top[groups.of]) & (rate > 0)
        x = np.where(taken, room, 0.0)
        value = float(amount @ prices + (np.maximum(top, 0.0) * groups.amount).sum())
        if value < best_value:
            best, best_value = prices, value
        left = amount - groups.matrix @ x
        speed = MOMENTUM * speed + (1 - MOMENTUM) * left
        spread = MEMORY * spread + (1 - MEMORY) * left**2
        step = FIRST_STEP * stake / (1 + i / STEP_HALVES_AFTER)
        move = step * (speed / (1 - MOMENTUM**i)) / (np.sqrt(spread / (1 - MEMORY**i)) + SOFTENED)
        prices = np.clip(prices - move, low, high)
    return best
