"""What every service holds: champions, profiles and the key that turns customer ids into pseudonyms."""

import gc
import os
import sqlite3
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from bentoml.exceptions import NotFound, ServiceUnavailable

from bentos.champions import Champions
from bentos.logs import leave_out_refused_requests
from infra import registry
from infra.errors import AimloopError
from infra.keys import Keys, open_keys
from infra.profiles import Profiles
from infra.settings import Settings, load
from infra.state import State

_CODE = Path(__file__).resolve().parent.parent
_TRIES = 5


@dataclass(frozen=True)
class Look:
    """What one request sees: profiles, and the key that their pseudonyms are made with."""

    profiles: Profiles = field(repr=False)
    keys: Keys = field(repr=False)
    seen_at: tuple[str, str]


@dataclass
class Live:
    """Opened once per worker; profiles are opened anew when a cycle has published, keys when they were rotated,
    versions when the ledger names others.
    """

    state: State
    settings: Settings = field(repr=False)
    champions: Champions = field(repr=False)
    _look: Look | None = field(default=None, repr=False)

    @classmethod
    def open(cls, names: tuple[str, ...]) -> "Live":
        """Load the champions that the ledger names, and follow it."""
        leave_out_refused_requests()
        settings = load(os.environ, Path.cwd())
        state = State(settings.state).open()
        live = cls(state, settings, Champions(state.ledger, names, registry.packaged_champions(_CODE)))
        gc.collect()
        gc.freeze()  # models and libraries never become garbage: collections no longer walk them
        live.champions.follow()
        return live

    def model(self, name: str) -> tuple[str, Any]:
        """The champion's tag and the champion: take both once a request.

        Raises:
            NotFound: no version of that model has been trained yet; callers are told so (404).
            ServiceUnavailable: there is one, and it cannot be loaded.
        """
        served = self.champions.get(name)
        if served is not None:
            return served.tag, served.fitted
        if name in self.champions.troubles:
            raise ServiceUnavailable(f"the {name} model cannot be loaded")
        raise NotFound(f"no {name} model has been trained yet")

    def customers(self, customer_ids: list[str]) -> tuple[str, pd.DataFrame]:
        """As-of and features of customers, one row each in the order asked; strangers are not ``is_known``."""
        look = self.look
        return look.profiles.as_of, look.profiles.customers([look.keys.pseudonymise(id_) for id_ in customer_ids])

    @property
    def look(self) -> Look:
        """The published generation of the epoch that counts: take it once a request.

        Raises:
            ServiceUnavailable: nothing has been published yet, or the keys were rotated, and this service was not given
                the new ones.
        """
        for _ in range(_TRIES):
            with suppress(FileNotFoundError, sqlite3.OperationalError):  # an epoch may end while we look at it
                return self._look_at(self.state.pinned())
        raise ServiceUnavailable("there are no profiles yet: `aimloop run` publishes them")

    def _look_at(self, pinned: State) -> Look:
        seen_at = (str(pinned.epoch), (pinned.profiles / "current").read_text(encoding="utf-8"))
        last = self._look
        if last is not None and last.seen_at == seen_at:
            return last
        is_same_epoch = last is not None and last.seen_at[0] == seen_at[0]
        keys = last.keys if last is not None and is_same_epoch else self._open_keys(pinned)
        self._look = Look(Profiles.open(pinned), keys, seen_at)
        return self._look

    def _open_keys(self, pinned: State) -> Keys:
        if not pinned.keys.is_dir():  # an epoch that has ended: no key must be made there
            raise FileNotFoundError(pinned.keys)
        try:
            return open_keys(self.settings, pinned)
        except AimloopError as error:
            raise ServiceUnavailable(str(error)) from None
