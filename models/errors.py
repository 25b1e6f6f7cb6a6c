"""What a model refuses, by name; the doors turn these into advice."""


class TooLittleHistory(ValueError):
    """There are not enough labelled examples yet to train and evaluate."""


class MissingColumns(ValueError):
    """The frame lacks columns that the model was trained with."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__(f"the frame lacks the columns {', '.join(missing)}")
        self.missing = missing


class Infeasible(ValueError):
    """No plan satisfies the constraints; the message names them and the missing amount."""
