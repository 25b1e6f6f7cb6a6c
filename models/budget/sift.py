"""Large linear programmes: only what is in doubt goes to the solver, until it is proven that nothing else matters.

Prices (`prices.rough`) settle most columns: far too dear, or well worth taking whatever prices turn out exactly. They
are fixed there, and the solver gets the rest with what is left of each row, and may break rows at a high price. Its
prices settle columns anew. The programme ends when the dual bound, which counts *every* column, meets the return of
the plan: the plan is then optimal, however it was found. (Known as sifting; Bixby et al., Very large-scale linear
programming, 1992.)
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from models.budget.arrays import Floats, Found, Programme, nothing
from models.budget.form import AT_LEAST, AT_MOST, Form, Ints
from models.budget.prices import Groups, at_stake, grouped, rough
from models.errors import SolverFailed

MOST_IN_DOUBT = 10_000  # to begin with; each round half as many again
PROVEN = 1e-9  # relative gap between bound and plan
ROUNDS = 40
DEAR = 3.0  # times the return at stake: the price of breaking a row; where one is broken all the same,
HARDER, HARDEST = 10.0, 1e3  # so many times that, until it is plain that there is no plan

Solve = Callable[[Programme, float | None], Found]


def solve(
    form: Form,
    upper: Floats,
    solver: Solve,
    seconds: float | None = None,
    *,
    doubt: int = MOST_IN_DOUBT,
    proven: float = PROVEN,
) -> Found:
    """The optimum of a form without batches; "infeasible" where rows are broken whatever that costs.

    ``proven``: the relative gap between bound and plan that counts as none; CBC writes eight digits.
    """
    end = None if seconds is None else time.monotonic() + seconds
    groups = grouped(form, upper)
    stake = at_stake(form, groups)
    prices = rough(form, groups, stake)
    harder, kept = np.ones(len(stake)), np.empty(0, dtype=np.int64)
    best: Found | None = None
    for _ in range(ROUNDS):
        inner = _inner(form, groups, prices)
        in_doubt = np.union1d(_doubtful(form, groups, inner, doubt), kept)
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            break
        part = _Part(form, groups, inner, in_doubt, DEAR * stake * harder)
        try:
            found = solver(part.programme(), left)
        except SolverFailed:
            if (harder == 1).all():
                raise
            return nothing("infeasible")  # prices so far apart are too much for it
        if len(found.x) == 0:
            break
        x, broken = part.whole(found.x)
        prices = part.prices(found.row_values)
        check = _inner(form, groups, prices)
        values = _row_values(form, groups, check, prices)
        gained = float(form.returns @ x)
        if not broken.any():
            gap = (check.bound - gained) / max(abs(check.bound), 1e-12)
            is_best = gap <= proven
            best = Found(status="optimal" if is_best else "stopped", x=x, row_values=values, bound=check.bound)
            if is_best:
                return best
        harder = np.where(broken, harder * HARDER, harder)
        if harder.max(initial=0.0) > HARDEST:
            return nothing("infeasible")
        bought = found.x[: len(in_doubt)]
        kept = in_doubt[(bought > 0) & (bought < form.upper[in_doubt])]
        doubt = int(doubt * 1.5)
    return best or nothing("stopped")


@dataclass(frozen=True, kw_only=True)
class _Inner:
    """What each group does at given prices.

    Attributes:
        rate: What each column earns after prices.
        x: What its group takes of it.
        worth: The value of what each group shares.
        bound: No plan returns more.
    """

    rate: Floats
    x: Floats
    worth: Floats
    bound: float


def _inner(form: Form, g: Groups, prices: Floats) -> _Inner:
    """Each group fills what it shares with its best columns, the best first: exact, also where columns have ends."""
    rate = form.returns - g.matrix.T @ prices
    per = rate / g.entry
    order = np.lexsort((-per, g.of))
    size = np.minimum(g.entry * form.upper, g.amount[g.of])[order]
    total = np.cumsum(size)
    first = g.start
    before = total - size
    before -= np.repeat(before[first], np.diff(first, append=len(order)))
    room = g.amount[g.of[order]] - before
    earns = per[order] > 0
    taken = np.where(earns, np.clip(room, 0.0, size), 0.0)
    x = np.empty(len(order))
    x[order] = taken / g.entry[order]
    is_full = earns & (room > 0) & (room <= size * (1 + 1e-12))
    worth = np.zeros(len(g.amount))
    worth[g.of[order[is_full]]] = per[order[is_full]]
    bound = float(form.amount[g.others] @ prices + rate @ x)
    return _Inner(rate=rate, x=x, worth=worth, bound=bound)


def _doubtful(form: Form, g: Groups, inner: _Inner, most: int) -> Ints:
    """The columns nearest to being decided otherwise; of a group's not the one that is sure to be taken last."""
    scale = np.abs(form.returns) + np.abs(inner.rate) + 1e-15
    edge = inner.rate - inner.worth[g.of] * g.entry
    margin = np.abs(edge) / scale
    last = (inner.worth[g.of] > 0) & (margin <= 1e-12)
    alone = np.where(last, np.inf, margin)
    nearest = -g.largest(-alone)  # of the group's other columns
    margin = np.where(last, np.minimum(nearest[g.of], inner.worth[g.of] * g.entry / scale), margin)
    count = min(most, len(margin))
    return np.sort(np.argpartition(margin, count - 1)[:count])


class _Part:
    """What goes to the solver: columns in doubt, the rows they are in, and slack at a price."""

    def __init__(self, form: Form, g: Groups, inner: _Inner, in_doubt: Ints, dear: Floats) -> None:
        self._form, self._g, self._in_doubt = form, g, in_doubt
        self._fixed = inner.x.copy()
        self._fixed[in_doubt] = 0.0
        self._groups = np.unique(g.of[in_doubt])
        self._groups = self._groups[g.rows[self._groups] >= 0]
        self._dear, self._sense = dear, form.sense[g.others]

    def programme(self) -> Programme:
        form, g, chosen = self._form, self._g, self._in_doubt
        place = np.full(len(g.amount), -1, dtype=np.int64)
        place[self._groups] = np.arange(len(self._groups))
        row = place[g.of[chosen]]
        held = row >= 0
        shared = sparse.csr_matrix(
            (g.entry[chosen][held], (row[held], np.flatnonzero(held))), shape=(len(self._groups), len(chosen))
        )
        used = np.bincount(g.of, weights=self._fixed * g.entry, minlength=len(g.amount))[self._groups]
        left = form.amount[g.others] - g.matrix @ self._fixed
        down, up = np.flatnonzero(self._sense >= 0), np.flatnonzero(self._sense <= 0)
        breaks = np.concatenate([down, up])
        slack = sparse.csr_matrix(
            (np.repeat([-1.0, 1.0], [len(down), len(up)]), (breaks, np.arange(len(breaks)))),
            shape=(len(left), len(breaks)),
        )
        rest = g.matrix.tocsc()[:, chosen]
        empty = sparse.csr_matrix((len(self._groups), len(breaks)))
        return Programme(
            gain=np.concatenate([form.returns[chosen], -self._dear[breaks]]),
            lower=np.zeros(len(chosen) + len(breaks)),
            upper=np.concatenate([form.upper[chosen], np.full(len(breaks), np.inf)]),
            matrix=sparse.vstack([sparse.hstack([rest, slack]), sparse.hstack([shared, empty])], format="csc"),
            row_low=np.concatenate(
                [np.where(self._sense == AT_MOST, -np.inf, left), np.full(len(self._groups), -np.inf)]
            ),
            row_high=np.concatenate(
                [np.where(self._sense == AT_LEAST, np.inf, left), np.maximum(g.amount[self._groups] - used, 0.0)]
            ),
        )

    def whole(self, x: Floats) -> tuple[Floats, np.ndarray]:
        """All columns, and which other rows are broken."""
        all_ = self._fixed.copy()
        all_[self._in_doubt] = np.maximum(x[: len(self._in_doubt)], 0.0)
        down, up = np.flatnonzero(self._sense >= 0), np.flatnonzero(self._sense <= 0)
        slack = np.zeros(len(self._sense))
        np.add.at(slack, np.concatenate([down, up]), x[len(self._in_doubt) :])
        return all_, slack > 1e-9

    def prices(self, row_values: Floats) -> Floats:
        values = row_values[: len(self._sense)]
        values = np.where(self._sense == AT_MOST, np.maximum(values, 0.0), values)
        return np.where(self._sense == AT_LEAST, np.minimum(values, 0.0), values)


def _row_values(form: Form, g: Groups, inner: _Inner, prices: Floats) -> Floats:
    values = np.zeros(len(form.amount))
    values[g.others] = prices
    is_row = g.rows >= 0
    values[g.rows[is_row]] = inner.worth[is_row]
    return values
