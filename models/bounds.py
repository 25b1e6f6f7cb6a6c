"""What parameters may be: a table by their names, which mean the same in every model; ``Bounded`` holds them to it.

LightGBM, scikit-learn and pandas each refuse in words of their own what is not, or take it and return nonsense.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, get_args

from models.errors import BadParameter
from models.imbalance import Imbalance
from models.imputation import Imputation


@dataclass(frozen=True)
class Whole:
    """A whole number, both ends included."""

    low: int
    high: int

    def holds(self, value: Any) -> bool:
        return isinstance(value, Integral) and not isinstance(value, bool) and self.low <= int(value) <= self.high

    def __str__(self) -> str:
        return f"a whole number from {self.low:,} to {self.high:,}"


@dataclass(frozen=True)
class Number:
    """A number; the ends are included unless it says otherwise. NaN is in no such range."""

    low: float
    high: float
    without_low: bool = False
    without_high: bool = False

    def holds(self, value: Any) -> bool:
        if not isinstance(value, Real) or isinstance(value, bool):
            return False
        number = float(value)
        above = number > self.low if self.without_low else number >= self.low
        return above and (number < self.high if self.without_high else number <= self.high)

    def __str__(self) -> str:
        low, high = "above" if self.without_low else "at least", "below" if self.without_high else "at most"
        return f"a number {low} {self.low:,g} and {high} {self.high:,g}"


@dataclass(frozen=True)
class OneOf:
    """One of some words."""

    words: tuple[str, ...]

    def holds(self, value: Any) -> bool:
        return value in self.words

    def __str__(self) -> str:
        return f"one of {', '.join(self.words)}"


@dataclass(frozen=True)
class Several:
    """At least one, each within the same bounds."""

    each: Number

    def holds(self, value: Any) -> bool:
        return isinstance(value, tuple) and len(value) > 0 and all(self.each.holds(part) for part in value)

    def __str__(self) -> str:
        return f"a tuple, each {self.each}"


@dataclass(frozen=True)
class Names:
    """Names of features; ``models.boosting.constraints`` knows which there are."""

    def holds(self, value: Any) -> bool:
        return isinstance(value, tuple) and all(isinstance(name, str) for name in value)

    def __str__(self) -> str:
        return "a tuple of names"


_DAYS, _SHARE, _PROPER_SHARE = Whole(1, 730), Number(0, 1, without_low=True), Number(0, 1, True, True)
_PENALTY, _TIMES_ODDS = Number(0, 1e6, without_low=True), Number(0, 1e3, without_low=True)

BOUNDS: Mapping[str, Whole | Number | OneOf | Several | Names] = {
    # time
    "window_days": _DAYS,
    "horizon_days": _DAYS,
    "train_every": Whole(1, 52),
    "train_days": Whole(1, 3_650),
    "min_history_days": Whole(0, 730),
    "evaluation_days": _DAYS,
    "earlier_windows": Whole(0, 52),
    "window_step_days": _DAYS,
    # trees
    "rounds": Whole(1, 10_000),
    "interval_rounds": Whole(1, 10_000),
    "learning_rate": _SHARE,
    "leaves": Whole(2, 131_072),  # as many as LightGBM allows
    "min_rows_in_leaf": Whole(1, 1_000_000),
    "feature_share": _SHARE,
    "row_share": _SHARE,
    "ridge": Number(0, 1e6),
    "increasing": Names(),
    "decreasing": Names(),
    # the logistic regression, and both together
    "boosting_share": Number(0, 1),
    "boosting_shares": Several(Number(0, 1)),
    "inverse_penalty": _PENALTY,
    "inverse_penalties": Several(_PENALTY),
    "linear_rows": Whole(20, 10_000_000),  # two of them may be of the rarer class
    "rehearsed_linear_rows": Whole(20, 10_000_000),
    "imputation": OneOf(get_args(Imputation)),
    "imbalance": OneOf(get_args(Imbalance)),
    # what a model is for
    "medium_risk": _TIMES_ODDS,
    "high_risk": _TIMES_ODDS,
    "lapsed_chance": _PROPER_SHARE,
    "robust_beyond": Number(0, 1e3, without_low=True),
    "small_share": Number(0, 1e3, without_low=True),
    "coverage": _PROPER_SHARE,
    "calibration_share": _PROPER_SHARE,
    "min_clusters": Whole(2, 100),
    "max_clusters": Whole(2, 100),
    # how much there must be, and how much is kept
    "min_positives": Whole(1, 10_000_000),
    "min_spenders": Whole(1, 10_000_000),
    "min_customers": Whole(2, 10_000_000),
    "reference_rows": Whole(1, 10_000_000),
    "resamples": Whole(2, 100_000),
    "seed": Whole(0, 2**31 - 1),  # LightGBM's is no longer
}
ORDERED = (("medium_risk", "high_risk"), ("min_clusters", "max_clusters"))


class Bounded:
    """Parameters that are refused where they are out of bounds, by name."""

    def __post_init__(self) -> None:
        given = vars(self)
        for name, value in given.items():
            if name in BOUNDS and not BOUNDS[name].holds(value):
                raise BadParameter(name, value, str(BOUNDS[name]))
        for less, more in ORDERED:
            if less in given and given[less] > given[more]:
                raise BadParameter(less, given[less], f"not more than {more} ({given[more]})")
