"""The versions that services answer with: the ledger's champions and challengers, within seconds of a change."""

import gc
import logging
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from sqlalchemy.exc import SQLAlchemyError

from bentos.patience import Patience
from infra import registry
from infra.errors import AimloopError
from infra.experiments import Experiment, Experiments
from infra.ledger import Ledger
from infra.ledger_watch import LedgerWatch
from models.scoring import Scorer

RETRY_SECONDS = 10.0
MakeScorer: TypeAlias = Callable[[Any, tuple[str, ...]], Scorer]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Served:
    """A version that is loaded; its scorer is made once for each list of columns that profiles come with."""

    name: str
    tag: str
    fitted: Any = field(repr=False)
    make_scorer: MakeScorer = field(repr=False)
    _scorers: dict[tuple[str, ...], Scorer] = field(default_factory=dict, repr=False)
    patience: Patience = field(default_factory=Patience, repr=False, compare=False)  # with it as a challenger

    def scorer(self, columns: tuple[str, ...]) -> Scorer:
        found = self._scorers.get(columns)
        if found is None:
            found = self._scorers[columns] = self.make_scorer(self.fitted, columns)
        return found


@dataclass(frozen=True)
class Route:
    """Who answers for a model: its champion, and, of those whom a running experiment gives it, the challenger."""

    champion: Served
    challenger: Served | None = None
    experiment: Experiment | None = None

    def of(self, customer_id: str) -> tuple[Literal["champion", "challenger"], Served, float]:
        """Which variant a customer gets, its version, and how probable that was."""
        if self.challenger is None or self.experiment is None or self.experiment.is_shadow:
            return "champion", self.champion, 1.0
        variant, propensity = self.experiment.variant(customer_id)
        return variant, self.challenger if variant == "challenger" else self.champion, propensity

    @property
    def shadow(self) -> Served | None:
        """The version that scores along, unheard."""
        return self.challenger if self.experiment is not None and self.experiment.is_shadow else None


class _Failed(NamedTuple):
    """Why a version could not be loaded, and when (`time.monotonic`) to try again."""

    reason: str
    try_again_at: float


class Versions:
    """A route for each model that ``makers`` names, with how its scorer is made; requests that run while it changes end
    with the one they began with.

    ``packaged`` are the tags that the Bento was built with: they answer without a ledger, and where the ledger's
    champion cannot be loaded at the start. Later, one that cannot be loaded leaves the one before in its place; a
    challenger that cannot be loaded leaves everybody to the champion. ``troubles`` says of which model that is so, and
    why.
    """

    def __init__(self, ledger: Path, makers: Mapping[str, MakeScorer], packaged: Mapping[str, str]) -> None:
        self.troubles: dict[str, str] = {}
        self.ledger_trouble: str | None = None
        self.names, self._makers = tuple(makers), makers
        self._ledger, self._packaged = ledger, packaged
        self._routes: dict[str, Route] = {}
        self._watch = LedgerWatch(ledger)
        self._tags: dict[str, str] = {}
        self._experiments: dict[str, Experiment] = {}
        self._failed: dict[str, _Failed] = {}
        self.look()

    @property
    def routes(self) -> Mapping[str, Route]:
        return self._routes

    def look(self) -> None:
        """Take up what the ledger says now, if it says anything new."""
        self._read_ledger()
        for name in self.names:
            tag = self._tags.get(name) or self._packaged.get(name)
            if tag is not None:
                self._take_up(name, tag, self._experiments.get(name))

    def _read_ledger(self) -> None:
        """What was named last stays while nothing has been written since, or the ledger cannot be read."""
        if not self._ledger.exists() and not self._watch.has_read:
            return  # a service may run without one, with the versions that it was packaged with
        try:
            found = self._watch.if_changed(self._named)
        except (sqlite3.Error, SQLAlchemyError, AimloopError) as error:
            if self.ledger_trouble is None:
                _log.exception("the ledger cannot be read: the versions stay as they are")
            self.ledger_trouble = str(error)
            return
        self.ledger_trouble = None
        if found is not None:
            self._tags, self._experiments = found

    def _named(self, ledger: Ledger) -> tuple[dict[str, str], dict[str, Experiment]]:
        champions = {name: tag for name in self.names if (tag := ledger.champion(name)) is not None}
        return champions, Experiments(ledger).running()

    def _take_up(self, name: str, tag: str, experiment: Experiment | None) -> None:
        now, troubles = self._routes.get(name), []
        champion = now.champion if now is not None and now.champion.tag == tag else None
        if champion is None:
            champion, trouble = self._loaded(name, tag)
            if champion is None:
                troubles.append(trouble)
                champion = now.champion if now is not None else self._fallback(name, tag)
        challenger = None
        if experiment is not None and champion is not None and champion.tag != experiment.challenger:
            challenger, trouble = self._loaded(name, experiment.challenger)
            if challenger is None:
                troubles.append(f"the challenger: {trouble}")
        self._note(name, "; ".join(troubles))
        if champion is None:
            return
        route = Route(champion, challenger, experiment if challenger is not None else None)
        if route == now:
            return
        self._routes = self._routes | {name: route}
        gc.freeze()  # a model never becomes garbage while it is served: collections need not walk it
        if now is not None:
            _log.warning("%s: %s", name, _in_words(route))

    def _loaded(self, name: str, tag: str) -> tuple[Served | None, str]:
        """The version, from memory where it is routed to already; or why it cannot be used."""
        route = self._routes.get(name)
        for held in (route.champion, route.challenger) if route is not None else ():
            if held is not None and held.tag == tag:
                return held, ""
        failed = self._failed.get(tag)
        if failed is not None and time.monotonic() < failed.try_again_at:
            return None, failed.reason
        try:
            return Served(name, tag, registry.load(tag), self._makers[name]), ""
        except AimloopError as error:
            self._failed[tag] = _Failed(str(error), time.monotonic() + RETRY_SECONDS)
            return None, str(error)

    def _fallback(self, name: str, tag: str) -> Served | None:
        packaged = self._packaged.get(name)
        return self._loaded(name, packaged)[0] if packaged not in (None, tag) and packaged is not None else None

    def _note(self, name: str, trouble: str) -> None:
        if not trouble:
            self.troubles.pop(name, None)
        elif self.troubles.get(name) != trouble:
            _log.error("%s: %s", name, trouble)
            self.troubles[name] = trouble


def _in_words(route: Route) -> str:
    answering = f"{route.champion.tag} answers from now on"
    if route.challenger is None or route.experiment is None:
        return answering
    how = "in its shadow" if route.experiment.is_shadow else f"for {route.experiment.share:.0%} of customers"
    return f"{answering}, {route.challenger.tag} {how}"
