"""The sources there are. Adding one is a file of the same shape and a line here."""

from collections.abc import Sequence
from typing import Protocol

from infra.errors import AimloopError, did_you_mean
from infra.settings import Settings
from infra.sources import company, complete_journey
from infra.sources.raw_table import RawTable


class Source(Protocol):
    """Lands its tables; it never cleans."""

    def fingerprint(self, settings: Settings) -> str:
        """A label that changes when the data does."""
        ...

    def tables(self, settings: Settings) -> Sequence[RawTable]:
        """Every raw table this source can fill."""
        ...


SOURCES: dict[str, Source] = {"complete_journey": complete_journey, "company": company}


def find(name: str) -> Source:
    """The source of that name.

    Raises:
        AimloopError: there is none; names the nearest.
    """
    if name in SOURCES:
        return SOURCES[name]
    raise AimloopError(f"unknown source '{name}'", f"{did_you_mean(name, SOURCES)}known sources: {', '.join(SOURCES)}")
