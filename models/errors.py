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


class Infeasible(ValueError):
    """No plan satisfies the constraints; the message names them and the missing amount."""
