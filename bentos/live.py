"""What every service holds: champions, profiles and the key that turns customer ids into pseudonyms."""

import gc
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from bentoml.exceptions import NotFound

from bentos.logs import leave_out_refused_requests
from infra import registry
from infra.keys import Keys, open_keys
from infra.ledger import Ledger
from infra.profiles import Profiles
from infra.settings import load
from infra.state import State

_CODE = Path(__file__).resolve().parent.parent


@dataclass
class Live:
    """Opened once per worker; profiles are opened anew when a cycle has published."""

    state: State
    keys: Keys = field(repr=False)
    champions: dict[str, str]
    models: dict[str, Any] = field(repr=False)
    _profiles: Profiles | None = field(default=None, repr=False)
    _generation: str = ""

    @classmethod
    def open(cls, names: tuple[str, ...]) -> "Live":
        """Load the champions that the ledger names; without a ledger, those the Bento was built with."""
        leave_out_refused_requests()
        settings = load(os.environ, Path.cwd())
        state = State(settings.state).open()
        packaged = registry.packaged_champions(_CODE)
        champions = {name: tag for name in names if (tag := _champion(state, name) or packaged.get(name))}
        live = cls(
            state=state,
            keys=open_keys(settings, state),
            champions=champions,
            models={name: registry.load(tag) for name, tag in champions.items()},
        )
        gc.collect()
        gc.freeze()  # models and libraries never become garbage: collections no longer walk them
        return live

    def model(self, name: str) -> tuple[str, Any]:
        """The champion's tag and the champion.

        Raises:
            NotFound: no version of that model has been trained yet; callers are told so (404).
        """
        if name not in self.champions:
            raise NotFound(f"no {name} model has been trained yet")
        return self.champions[name], self.models[name]

    def customers(self, customer_ids: list[str]) -> tuple[str, pd.DataFrame]:
        """As-of and features of customers, one row each in the order asked; strangers are not ``is_known``."""
        profiles = self.profiles
        return profiles.as_of, profiles.customers([self.keys.pseudonymise(customer) for customer in customer_ids])

    @property
    def profiles(self) -> Profiles:
        """The published generation."""
        generation = (self.state.profiles / "current").read_text(encoding="utf-8")
        if self._profiles is None or generation != self._generation:
            self._profiles, self._generation = Profiles.open(self.state), generation
        return self._profiles


def _champion(state: State, name: str) -> str | None:
    if not state.ledger.exists():
        return None
    ledger = Ledger(state.ledger)
    try:
        return ledger.champion(name)
    finally:
        ledger.close()
