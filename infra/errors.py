"""The one error that people are meant to read, and the hint that a misspelt name deserves."""

import difflib
from collections.abc import Iterable


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


def did_you_mean(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The beginning of a remedy: the known name that comes nearest, or nothing where none does."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f"did you mean '{near[0]}'? " if near else ""


def reason_of(error: BaseException) -> str:
    """What went wrong, in one line for people: ours in its words, others with their kind."""
    return error.what if isinstance(error, AimloopError) else f"{type(error).__name__}: {error}"
