"""The problem as arrays: maximise returns·x, 0 ≤ x ≤ upper, matrix·x against an amount in each row.

One column is one row of the activities; rows come in batches of one kind, made with sparse products, without loops over
columns: 600,000 columns in 60,000 rows take about a second.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from models.budget.problem import Problem, Rule, Where
from models.budget.solution import Kind, Limit, Sense

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

AT_MOST, EXACTLY, AT_LEAST = 1, 0, -1
SENSES: dict[int, Sense] = {AT_MOST: "at most", EXACTLY: "exactly", AT_LEAST: "at least"}


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows of one kind: ``of[i]`` names what row i is about."""

    kind: Kind
    of: NDArray[np.object_]
    sense: int
    unit: str
    matrix: sparse.csr_matrix
    amount: Floats


@dataclass(frozen=True, kw_only=True)
class Form:
    """All rows under each other.

    Attributes:
        returns, costs, upper: One a column; ``upper`` may be infinite.
        matrix: Rows × columns.
        sense: `AT_MOST`, `EXACTLY` or `AT_LEAST` of each row.
        amount: What it is held against.
        kinds: The batches, for words.
        batch_row: For each integer count of batches, the row that ties it: ``matrix[row]·x = batch_units × count``.
        batch_units: Units of a batch.
    """

    returns: Floats
    costs: Floats
    upper: Floats
    matrix: sparse.csr_matrix
    sense: Ints
    amount: Floats
    kinds: tuple[Rows, ...]
    batch_row: Ints
    batch_units: Floats

    @cached_property
    def by_column(self) -> sparse.csc_matrix:
        return self.matrix.tocsc()

    @property
    def is_integer(self) -> bool:
        return len(self.batch_row) > 0

    def entries(self, row: int) -> tuple[Ints, Floats]:
        """Columns and entries of a row."""
        part = slice(self.matrix.indptr[row], self.matrix.indptr[row + 1])
        return self.matrix.indices[part], self.matrix.data[part]

    def columns(self, chosen: Ints) -> "Form":
        """The same rows over some of the columns."""
        return replace(
            self,
            returns=self.returns[chosen],
            costs=self.costs[chosen],
            upper=self.upper[chosen],
            matrix=self.by_column[:, chosen].tocsr(),
        )

    def with_batches(self, counts: Floats) -> "Form":
        """Batches chosen: what remains is linear."""
        amount = self.amount.copy()
        amount[self.batch_row] = self.batch_units * counts
        return replace(self, amount=amount, batch_row=self.batch_row[:0], batch_units=self.batch_units[:0])

    def limit(self, row: int) -> Limit:
        """A row in words."""
        for rows in self.kinds:
            if row < len(rows.amount):
                return _worded(rows, row)
            row -= len(rows.amount)
        raise IndexError(row)

    def kind_of_rows(self) -> NDArray[np.object_]:
        return np.concatenate([np.full(len(rows.amount), rows.kind, dtype=object) for rows in self.kinds])


@dataclass(frozen=True)
class _Activities:
    """Codes and values of the activities' columns, and what they are codes of."""

    codes: dict[str, Ints]
    names: dict[str, NDArray[np.object_]]
    cost: Floats
    gain: Floats

    def __len__(self) -> int:
        return len(self.cost)

    def summed(self, code: Ints, count: int, values: Floats | None = None) -> sparse.csr_matrix:
        """One row for each code, with the values of the columns that have it; code −1 is in none."""
        taken = np.flatnonzero(code >= 0)
        entries = np.ones(len(taken)) if values is None else values[taken]
        return sparse.csr_matrix((entries, (code[taken], taken)), shape=(count, len(self)))

    def codes_in(self, column: str, names: pd.Series) -> Ints:
        """For each activity, the row of ``names`` that holds its name, else −1."""
        place = pd.Index(names.astype(str)).get_indexer(pd.Index(self.names[column]))
        return place[self.codes[column]]

    def where(self, where: Where) -> NDArray[np.bool_]:
        chosen = np.ones(len(self), dtype=bool)
        for column in ("channel", "segment", "offer", "period"):
            names = getattr(where, f"{column}s")
            if names:
                chosen &= np.isin(self.names[column], names)[self.codes[column]]
        return chosen

    def measured(self, measure: str) -> Floats:
        return {"units": np.ones(len(self)), "cost": self.cost, "return": self.gain}[measure]


def build(problem: Problem) -> Form:
    """The arrays of a checked problem (`checks.checked`)."""
    frame = problem.activities
    codes, names = {}, {}
    for column in ("channel", "segment", "offer", "period"):
        code, known = pd.factorize(frame[column])
        codes[column], names[column] = code.astype(np.int64), np.asarray(known.astype(str), dtype=object)
    activities = _Activities(codes, names, frame["unit_cost"].to_numpy(float), frame["unit_return"].to_numpy(float))
    kinds = tuple(rows for rows in _all_rows(problem, activities) if len(rows.amount))
    batches = [rows for rows in kinds if rows.kind == "batches"]
    sizes = [len(rows.amount) for rows in kinds]
    start = np.cumsum([0, *sizes])
    matrix = sparse.vstack([rows.matrix for rows in kinds], format="csr") if kinds else None
    return Form(
        returns=activities.gain,
        costs=activities.cost,
        upper=frame["max_units"].to_numpy(float),
        matrix=sparse.csr_matrix((0, len(frame))) if matrix is None else matrix,
        sense=np.repeat([rows.sense for rows in kinds], sizes).astype(np.int64),
        amount=np.concatenate([np.empty(0), *(np.where(r.kind == "batches", 0.0, r.amount) for r in kinds)]),
        kinds=kinds,
        batch_row=np.concatenate(
            [np.empty(0, np.int64)]
            + [start[i] + np.arange(sizes[i]) for i, rows in enumerate(kinds) if rows.kind == "batches"]
        ).astype(np.int64),
        batch_units=np.concatenate([np.empty(0), *(rows.amount for rows in batches)]),
    )


def _all_rows(problem: Problem, a: _Activities) -> Iterator[Rows]:
    one = np.zeros(len(a), dtype=np.int64)
    if np.isfinite(problem.budget):
        yield _rows("budget", ["everything"], AT_MOST, "cost", a.summed(one, 1, a.cost), [problem.budget])
    if problem.periods is not None:
        frame = problem.periods
        matrix = a.summed(a.codes_in("period", frame["period"]), len(frame), a.cost)
        yield _rows("period budget", frame["period"], AT_MOST, "cost", matrix, frame["budget"])
    if problem.channels is not None:
        yield from _channel_rows(problem.channels, a)
    if problem.segments is not None:
        yield from _segment_rows(problem.segments, a)
    if problem.reach is not None:
        yield _reach_rows(problem.reach, a)
    for rule in problem.rules:
        yield from _rule_rows(rule, a)
    if problem.min_roi is not None:
        matrix = a.summed(one, 1, a.gain - (1 + problem.min_roi) * a.cost)
        yield _rows("roi", [f"{problem.min_roi:g}"], AT_LEAST, "return", matrix, [0.0])


def _channel_rows(frame: pd.DataFrame, a: _Activities) -> Iterator[Rows]:
    code, count, names = a.codes_in("channel", frame["channel"]), len(frame), frame["channel"]
    units = a.summed(code, count)
    free = frame["fixed_units"].isna()
    yield _rows(
        "channel minimum", names, AT_LEAST, "units", units, frame["min_units"].where(free & (frame["min_units"] > 0))
    )
    yield _rows("channel maximum", names, AT_MOST, "units", units, frame["max_units"].where(free))
    yield _rows("channel frozen", names, EXACTLY, "units", units, frame["fixed_units"])
    gain = a.summed(code, count, a.gain)
    yield _rows("channel contribution", names, AT_LEAST, "return", gain, frame["min_return"])
    periods = len(a.names["period"])
    batch = np.where(code >= 0, code * periods + a.codes["period"], -1)
    labels = [f"{name}{_of_period(period)}" for name in names for period in a.names["period"]]
    size = frame["batch_units"].where(frame["batch_units"] > 0).repeat(periods)
    yield _rows("batches", labels, EXACTLY, "units", a.summed(batch, count * periods), size, drop_empty=True)


def _segment_rows(frame: pd.DataFrame, a: _Activities) -> Iterator[Rows]:
    code, count = a.codes_in("segment", frame["segment"]), len(frame)
    periods = len(a.names["period"])
    within = np.where(code >= 0, code * periods + a.codes["period"], -1)
    labels = [f"{name}{_of_period(period)}" for name in frame["segment"] for period in a.names["period"]]
    nobody = frame["customers"] == 0
    most = (frame["customers"] * frame["contacts_per_customer"]).mask(nobody, 0.0).repeat(periods)
    yield _rows("contact limit", labels, AT_MOST, "units", a.summed(within, count * periods), most, drop_empty=True)
    least = frame["customers"] * frame["min_contacts_per_customer"]
    yield _rows("segment floor", frame["segment"], AT_LEAST, "units", a.summed(code, count), least.where(least > 0))


def _reach_rows(frame: pd.DataFrame, a: _Activities) -> Rows:
    """Offers share what a channel may reach of a segment; a column of the frame that is left out means each."""
    columns = ("channel", "segment", "period")
    known = [pd.Index(a.names[column]).get_indexer(pd.Index(frame[column].astype(str))) for column in columns]
    segments, periods = len(a.names["segment"]), len(a.names["period"])
    row = np.full(len(a.names["channel"]) * segments * periods, -1, dtype=np.int64)
    is_known = np.logical_and.reduce([codes >= 0 for codes in known])
    row[((known[0] * segments + known[1]) * periods + known[2])[is_known]] = np.flatnonzero(is_known)
    code = row[(a.codes["channel"] * segments + a.codes["segment"]) * periods + a.codes["period"]]
    names = [np.asarray(frame[column].astype(str), dtype=object) for column in columns]
    labels = names[0] + " · " + names[1] + np.array([_of_period(period) for period in names[2]], dtype=object)
    return _rows("reach", labels, AT_MOST, "units", a.summed(code, len(frame)), frame["max_units"], drop_empty=True)


def _rule_rows(rule: Rule, a: _Activities) -> Iterator[Rows]:
    chosen, measured = a.where(rule.where).astype(float), a.measured(rule.measure)
    for sense, bound in ((AT_LEAST, rule.at_least), (AT_MOST, rule.at_most)):
        if bound is None:
            continue
        values = (chosen - bound) * measured if rule.is_share else chosen * measured
        matrix = sparse.csr_matrix(values[None, :])
        word = f"{rule.name}: {bound:.4g} of all" if rule.is_share else rule.name
        yield _rows("rule", [word], sense, rule.measure, matrix, [0.0 if rule.is_share else bound])


def _rows(
    kind: Kind,
    of: object,
    sense: int,
    unit: str,
    matrix: sparse.csr_matrix,
    amount: object,
    *,
    drop_empty: bool = False,
) -> Rows:
    """Rows with an amount that limits: neither missing nor infinite; ``drop_empty``: nor over no column at all."""
    amounts = np.asarray(amount, dtype=float)
    kept = np.isfinite(amounts)
    if drop_empty:
        kept &= np.diff(matrix.indptr) > 0
    names = np.asarray(of, dtype=object)
    if not kept.all():
        names, matrix, amounts = names[kept], matrix[np.flatnonzero(kept)], amounts[kept]
    return Rows(kind=kind, of=names, sense=sense, unit=unit, matrix=matrix, amount=amounts)


def _of_period(period: str) -> str:
    return "" if period == "all" else f" · {period}"


WORDS: dict[Kind, str] = {
    "budget": "spend at most {amount} in total",
    "period budget": "spend at most {amount} in {of}",
    "channel minimum": "buy at least {amount} units of {of}",
    "channel maximum": "buy at most {amount} units of {of}",
    "channel frozen": "buy exactly {amount} units of {of}, which is frozen",
    "channel contribution": "get a return of at least {amount} from {of}",
    "reach": "consent and eligibility allow {amount} contacts: {of}",
    "contact limit": "contact limit: at most {amount} contacts: {of}",
    "segment floor": "give at least {amount} contacts to segment {of}",
    "rule": "{sense} {amount} {unit}: {of}",
    "roi": "return at least (1 + {of}) × cost",
    "batches": "{of}: {amount} units, in whole batches",
}


def _worded(rows: Rows, i: int) -> Limit:
    sense, of, amount = SENSES[rows.sense], str(rows.of[i]), float(rows.amount[i])
    words = WORDS[rows.kind].format(sense=sense, of=of, amount=f"{amount:,.10g}", unit=rows.unit)
    if rows.kind == "rule" and amount == 0 and " of all" in of:
        name = of.rpartition(": ")[0]
        words = name if name.startswith(sense) else f"{sense} this share of {rows.unit}: {of}"
    return Limit(kind=rows.kind, of=of, sense=sense, amount=amount, unit=rows.unit, words=words)  # type: ignore[arg-type]
