"""The one error that people are meant to read."""


class AimloopError(Exception):
    """A failure that the user can mend.

    ``what`` says what is wrong (file, row, column where known); ``remedy`` says what to do next.
    The command line prints both and exits with code 2; nothing has been half-written.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what}\n  → {self.remedy}"
