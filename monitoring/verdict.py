"""What every judgement returns."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """A named judgement: the value found, the threshold it was held against, and why in words."""

    name: str
    passed: bool
    value: float
    threshold: float
    reason: str
