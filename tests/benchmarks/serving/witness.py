"""What a right answer may have come from: everything that the ledger and the profile store said, and when.

Looks many times a second. Between two looks a change may have come at any moment: what was there before counts until
the end of the look that first saw it gone, what came after counts from the beginning of the look before.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace

from flows.context import Door
from infra.experiments import Experiment, Experiments
from infra.profiles import open_profiles, published
from models import catalog

LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Said:
    """Who answers for each model, and as of when."""

    champions: Mapping[str, str | None]
    experiments: Mapping[str, Experiment]
    as_of: str

    def answer(self, model: str, customer_id: str) -> tuple[str | None, str]:
        """Version and variant that a customer gets."""
        experiment = self.experiments.get(model)
        if experiment is None or experiment.is_shadow:
            return self.champions[model], "champion"
        variant, _ = experiment.variant(customer_id)
        return (experiment.challenger if variant == "challenger" else self.champions[model]), variant


@dataclass(frozen=True)
class Standing:
    """What was said from ``since`` to ``until`` at the most, in seconds of the monotonic clock."""

    said: Said
    since: float
    until: float = float("inf")


@dataclass
class Witness:
    """Looks from the start of the block to its end."""

    door: Door = field(repr=False)
    standings: list[Standing] = field(default_factory=list)
    _looked_at: float = 0.0
    _published: tuple[str | None, str] = (None, "")
    _ended: threading.Event = field(default_factory=threading.Event, repr=False)

    def __enter__(self) -> "Witness":
        self._look()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def between(self, first: float, last: float) -> Iterator[Standing]:
        """Whatever may have stood at some moment from ``first`` to ``last``, the latest first."""
        for standing in reversed(self.standings):
            if standing.until < first:
                return
            if standing.since <= last:
                yield standing

    def _follow(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        began = time.monotonic()
        ledger = self.door.ledger
        champions = {model: ledger.champion(model) for model in catalog.MODELS}
        said = Said(champions, Experiments(ledger).running(), self._as_of())
        if not self.standings:
            self.standings.append(Standing(said, since=float("-inf")))
        elif said != self.standings[-1].said:
            self.standings[-1] = replace(self.standings[-1], until=time.monotonic())
            self.standings.append(Standing(said, since=self._looked_at))
        self._looked_at = began

    def _as_of(self) -> str:
        """Opened only when something else is published than at the last look."""
        name = published(self.door.settings, self.door.state)
        if name != self._published[0]:
            with closing(open_profiles(self.door.settings, self.door.state)) as profiles:
                self._published = name, profiles.as_of
        return self._published[1]
