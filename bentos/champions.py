"""The versions that services answer with: the ledger's champions, taken up within seconds of a change."""

import logging
import sqlite3
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from infra import registry
from infra.errors import AimloopError
from infra.ledger_watch import LedgerWatch

EVERY_SECONDS = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Served:
    """A version that is loaded."""

    tag: str
    fitted: Any = field(repr=False)


class Champions:
    """One version a model; requests that run while it changes end with the one they began with.

    ``packaged`` are the tags that the Bento was built with: they answer without a ledger, and where the ledger's
    champion cannot be loaded at the start. Later, one that cannot be loaded leaves the one before in its place.
    ``troubles`` says of which model that is so, and why.
    """

    def __init__(self, ledger: Path, names: tuple[str, ...], packaged: Mapping[str, str]) -> None:
        self.troubles: dict[str, str] = {}
        self._ledger, self._names, self._packaged = ledger, names, packaged
        self._served: dict[str, Served] = {}
        self._watch = LedgerWatch(ledger)
        self._tags: dict[str, str] = {}
        self.look()

    def get(self, name: str) -> Served | None:
        return self._served.get(name)

    def look(self) -> None:
        """Take up what the ledger says now, if it says anything new."""
        tags = self._named_by_ledger()
        for name in self._names:
            tag = tags.get(name) or self._packaged.get(name)
            if tag is not None:
                self._take_up(name, tag)

    def follow(self) -> None:
        """Look every second from now on, beside the requests."""
        threading.Thread(target=self._look_for_ever, name="champions", daemon=True).start()

    def _look_for_ever(self) -> None:
        while True:
            time.sleep(EVERY_SECONDS)
            try:
                self.look()
            except Exception:  # what is served now goes on being served
                _log.exception("the ledger's champions could not be taken up")

    def _named_by_ledger(self) -> dict[str, str]:
        """By model; what was named last while nothing has been written since, or the ledger cannot be read."""
        if not self._ledger.exists():
            return self._tags
        try:
            found = self._watch.if_changed(lambda ledger: {name: ledger.champion(name) for name in self._names})
            if found is not None:
                self._tags = {name: tag for name, tag in found.items() if tag is not None}
        except (sqlite3.Error, SQLAlchemyError, AimloopError):
            _log.exception("the ledger cannot be read: the versions stay as they are")
        return self._tags

    def _take_up(self, name: str, tag: str) -> None:
        now = self._served.get(name)
        if now is not None and now.tag == tag:
            self.troubles.pop(name, None)
            return
        try:
            fresh = Served(tag, registry.load(tag))
        except AimloopError as error:
            if self.troubles.get(name) != str(error):
                _log.error("%s stays %s: %s", name, now.tag if now else "without a version", error)
            self.troubles[name] = str(error)
            packaged = self._packaged.get(name)
            if now is None and packaged not in (None, tag):
                self._served = self._served | {name: Served(str(packaged), registry.load(str(packaged)))}
            return
        self._served = self._served | {name: fresh}
        self.troubles.pop(name, None)
        if now is not None:
            _log.warning("%s: %s answers from now on, not %s", name, tag, now.tag)
