"""What a replay walks through: instants on a grid, the blocks that follow them, and what is planted on the way."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal, cast, get_args

import pandas as pd

from infra.errors import AimloopError, did_you_mean

LEAST_DAYS, MOST_DAYS = 7, 36_600
Change = Literal["covariate", "concept", "quality"]
CHANGES: tuple[Change, ...] = get_args(Change)
MEANINGS = {
    "covariate": "customers come half as often, every product in its old proportion",
    "concept": "what is taken changes: two of the five largest departments change places",
    "quality": "of all amounts a tenth is missing, and another tenth a thousand times too large",
}
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")


@dataclass(frozen=True)
class Injection:
    """A change that is planted in a copy of the data, from an instant on (naive UTC)."""

    kind: Change
    at: pd.Timestamp

    @classmethod
    def parsed(cls, text: str) -> "Injection":
        """Raises AimloopError where it is not one of the known changes and a date."""
        kind, _, date = text.partition("@")
        if kind not in CHANGES:
            known = ", ".join(f"{name} ({meaning})" for name, meaning in MEANINGS.items())
            raise AimloopError(f"unknown change '{kind}' to inject", f"{did_you_mean(kind, CHANGES)}known: {known}")
        return cls(cast(Change, kind), instant(date, f"--inject {kind}@DATE"))

    def __str__(self) -> str:
        return f"{self.kind}@{written(self.at)}"


@dataclass(frozen=True)
class Block:
    """The stretch [since, until) after a cycle as of ``since``."""

    number: int
    since: pd.Timestamp
    until: pd.Timestamp

    @property
    def days(self) -> Sequence[tuple[pd.Timestamp, pd.Timestamp]]:
        """Each day of it, from when until when; the last may be short."""
        starts = pd.date_range(self.since, self.until, freq="D")
        return [(day, min(day + pd.Timedelta(days=1), self.until)) for day in starts if day < self.until]


@dataclass(frozen=True)
class Plan:
    """A replay: cycles every so many days, from the first instant to the last at most, and their blocks."""

    name: str
    first: pd.Timestamp
    last: pd.Timestamp
    every_days: int
    source: str
    injections: tuple[Injection, ...] = ()

    def blocks(self) -> list[Block]:
        """One a cycle; the last ends with the replay, and may be empty."""
        starts = list(pd.date_range(self.first, self.last, freq=f"{self.every_days}D"))
        return [Block(i, at, until) for i, (at, until) in enumerate(zip(starts, [*starts[1:], self.last], strict=True))]

    def refuse_outside(self, first: pd.Timestamp, end: pd.Timestamp) -> None:
        """Raises AimloopError where the plan does not lie after the first order and within the data; says the range."""
        if not first < self.first or self.last > end:
            raise AimloopError(
                f"a replay from {self.first:%Y-%m-%d} to {self.last:%Y-%m-%d} lies outside the data",
                f"choose --from after {first:%Y-%m-%d} and --to not after {end:%Y-%m-%d} (UTC)",
            )

    def facts(self) -> dict[str, Any]:
        """As JSON has them."""
        told = asdict(self) | {"first": written(self.first), "last": written(self.last)}
        return told | {"injections": [str(injection) for injection in self.injections]}


def planned(
    first: str, last: str, every: str, source: str, injections: Sequence[str] = (), name: str | None = None
) -> Plan:
    """The plan that texts from the command line mean.

    Raises:
        AimloopError: one of them does not fit; says which and why.
    """
    begins, ends, days = instant(first, "--from"), instant(last, "--to"), _days(every)
    if begins >= ends:
        raise AimloopError(f"a replay from {first} to {last} has no days in it", "--from lies before --to")
    chosen = tuple(sorted((Injection.parsed(text) for text in injections), key=lambda found: (found.at, found.kind)))
    outside = next((found for found in chosen if not begins < found.at < ends), None)
    if outside is not None:
        raise AimloopError(
            f"the change {outside} lies outside the replay", f"choose a date after {first} and before {last}"
        )
    if chosen and source != "complete_journey":
        raise AimloopError(
            f"changes are planted in complete_journey alone, and this source is {source}",
            "leave out --inject, or replay with AIMLOOP_SOURCE=complete_journey",
        )
    if twice := next((found for found, other in pairwise(chosen) if found == other), None):
        raise AimloopError(f"the change {twice} is given twice", "leave one of them out")
    if (ends - begins).days > MOST_DAYS:
        raise AimloopError(f"a replay from {first} to {last} is longer than {MOST_DAYS:,} days", "choose another --to")
    parts = (_short(begins), _short(ends), f"{days}d", *(f"{i.kind}-{_short(i.at)}" for i in chosen))
    name = name or "-".join(parts)
    if not _NAME.fullmatch(name):
        raise AimloopError(f"'{name}' is no name for a replay", "small letters, digits and hyphens, 80 at most")
    return Plan(name, begins, ends, days, source, chosen)


def written(at: pd.Timestamp) -> str:
    """A date, with its time where that is not midnight."""
    return f"{at:%Y-%m-%d}" if at == at.normalize() else at.isoformat()


def _short(at: pd.Timestamp) -> str:
    return re.sub(r"[^0-9t]", "", written(at).lower().replace(".", "t"))


def instant(text: str, option: str) -> pd.Timestamp:
    """A date or instant in ISO 8601, as naive UTC.

    Raises:
        AimloopError: it is none.
    """
    try:
        if not re.match(r"\d{4}-\d\d-\d\d", text):
            raise ValueError(text)
        found = pd.Timestamp(text)
    except ValueError:
        raise AimloopError(f"{option}: '{text}' is no date", "write one such as 2017-05-07") from None
    return found.tz_convert(None) if found.tzinfo is not None else found


def _days(text: str) -> int:
    match = re.fullmatch(r"(\d{1,4})\s*(d|w)?", text.strip())
    if match is None:
        raise AimloopError(f"--every: '{text}' is no number of days", "write it such as 28d, or 4w")
    days = int(match[1]) * (7 if match[2] == "w" else 1)
    if days < LEAST_DAYS:
        raise AimloopError(
            f"--every {text}: a cycle takes about a minute, and outcomes take days to be known",
            f"choose {LEAST_DAYS}d or more",
        )
    return days
