"""What a model refuses, by name; the doors turn these into advice."""


class TooLittleHistory(ValueError):
    """There are not enough labelled examples yet to train and evaluate."""


class MissingColumns(ValueError):
    """The frame lacks columns that the model was trained with."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__(f"the frame lacks the columns {', '.join(missing)}")
        self.missing = missing


class BadParameter(ValueError):
    """A parameter is not what it may be."""

    def __init__(self, name: str, value: object, allowed: str) -> None:
        super().__init__(f"parameter '{name}' is {value!r}, and must be {allowed}")
        self.name = name


class DisguisedLabel(ValueError):
    """One feature by itself tells the label: it cannot have been known beforehand."""

    def __init__(self, feature: str, measure: str, value: float) -> None:
        super().__init__(
            f"'{feature}' alone tells the outcome ({measure} {value:.3f}), so it was written down afterwards; "
            "leave it out"
        )
        self.feature = feature


class UnusableLabel(ValueError):
    """Rows whose outcome is no number that anything can be learned from."""

    def __init__(self, name: str, rows: int, of: int) -> None:
        super().__init__(f"'{name}' is missing, infinite or beyond 1e15 in {rows:,} of {of:,} rows; mend or drop them")
        self.name = name


class NoPlan(ValueError):
    """A budget problem has no plan to give; the message says why."""


class Infeasible(NoPlan):
    """No plan satisfies the constraints; the message names them and the missing amount."""


class Unbounded(NoPlan):
    """Nothing holds the return back: an activity earns, and neither a budget nor a maximum ends it."""


class SolverFailed(NoPlan):
    """The solver is missing, or ended without a plan."""


class BadProblem(ValueError):
    """A budget problem holds what it may not: the table, row and column, what is wrong, and what to do.

    ``row`` counts from 0 in the frame; a reader of files adds its own header lines. ``beside``: another row that it
    does not fit.
    """

    def __init__(
        self, table: str, row: int | None, column: str, what: str, remedy: str, *, beside: int | None = None
    ) -> None:
        self.place = f"{table}, column '{column}'" if row is None else f"{table} row {row + 1:,}, column '{column}'"
        other = "" if beside is None else f" (row {beside + 1:,})"
        super().__init__(f"{self.place}: {what}{other}; {remedy}")
        self.table, self.row, self.column, self.what, self.remedy = table, row, column, what, remedy
        self.beside = beside
