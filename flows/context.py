"""The door's view of one cycle: settings read, state opened, identity known."""

import getpass
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from infra import warehouse
from infra.audit import Audit
from infra.erasing import tombstones
from infra.errors import AimloopError
from infra.files import sources_sha256
from infra.intake import raw_zone
from infra.keys import Keys, open_keys
from infra.ledger import Ledger
from infra.privacy import personal_data
from infra.settings import Settings, load
from infra.sources import catalog as sources
from infra.state import State
from infra.warehouse import Generation

PROJECT = Path(__file__).resolve().parent.parent
_CODE = ("flows", "models", "monitoring", "bentos", "infra", "dbt_project")


@dataclass(frozen=True)
class Door:
    """What a flow needs of the world."""

    settings: Settings
    state: State
    keys: Keys = field(repr=False)
    ledger: Ledger = field(repr=False)

    @property
    def audit(self) -> Audit:
        """The audit trail, as this user in this role writes it."""
        return Audit(self.ledger, user=_user(), role=self.settings.role)

    @property
    def own_audit(self) -> Audit:
        """The audit trail as the loop writes it where its rules decided, and nobody was asked."""
        return Audit(self.ledger, user="aimloop", role="loop")


@dataclass(frozen=True)
class Cycle:
    """One cycle: its id says as_of, data, settings and code; ``as_of`` is naive UTC."""

    id: str
    as_of: pd.Timestamp
    door: Door = field(repr=False)

    @property
    def generation(self) -> Generation:
        return warehouse.generation(self.door.state, self.id)

    @property
    def reports(self) -> Path:
        folder = self.door.state.reports / self.id
        folder.mkdir(parents=True, exist_ok=True)
        return folder


_simulated: ContextVar[datetime | None] = ContextVar("simulated", default=None)


def now() -> datetime:
    """The clock, as naive UTC; only doors read it. Within `simulated` it stands still."""
    return _simulated.get() or datetime.now(UTC).replace(tzinfo=None)


def is_simulated() -> bool:
    """Whether the clock stands still: then the world outside is not to hear of what is done."""
    return _simulated.get() is not None


@contextmanager
def simulated(instant: datetime) -> Iterator[None]:
    """Let the clock of this context stand at an instant (naive UTC): a replay lives in the past."""
    token = _simulated.set(instant)
    try:
        yield
    finally:
        _simulated.reset(token)


def open_door(**overrides: Any) -> Door:
    """Read the settings and open the state folder; ``overrides`` that are not None win."""
    os.umask(0o077)  # what is written is for the owner alone
    settings = load(os.environ, Path.cwd(), **overrides)
    sources.find(settings.source)
    state = State(settings.state).open()
    state.set_homes(os.environ)
    return Door(settings, state, open_keys(settings, state), Ledger(state.ledger))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have a number only
        return f"user {os.getuid()}"


def data_fingerprint(door: Door) -> str:
    """A label of what the source holds, the code and settings that land it, its pseudonyms' key, and who is erased."""
    source = sources.find(door.settings.source).fingerprint(door.settings)
    code = code_fingerprint(("infra",))[:16]
    cleaning = hashlib.sha256(door.settings.cleaning.model_dump_json().encode()).hexdigest()[:16]
    private = personal_data.fingerprint(door.settings.privacy)
    erased = tombstones.fingerprint(door.state)
    label = f"{source}-{code}-{cleaning}-{private}-{door.keys.fingerprint()}"
    return f"{label}-{erased}" if erased else label


def begin_cycle(door: Door, *, is_asked_for: bool = True) -> Cycle:
    """The cycle that what has landed and the settings ask for, recorded in the ledger.

    ``is_asked_for``: somebody wants all of it; else it is looked at only, and `aimloop status` still shows the last.

    Raises:
        AimloopError: ``as_of`` lies outside the data; says the range.
    """
    this = _cycle_of_what_landed(door)
    door.ledger.begin_cycle(this.id, this.as_of.to_pydatetime(), door.settings.source, now(), is_asked_for=is_asked_for)
    return this


def identify(door: Door) -> Cycle | None:
    """The cycle that a run would begin now, unrecorded; None where the source holds data that have not landed.

    Raises:
        AimloopError: as `begin_cycle`.
    """
    if raw_zone.landed(door.state, door.keys, data_fingerprint(door)) is None:
        return None
    return _cycle_of_what_landed(door)


def _cycle_of_what_landed(door: Door) -> Cycle:
    as_of = choose_as_of(door)
    identity = {
        "data": raw_zone.fingerprint(door.state, door.keys),
        "settings": door.settings.meaning(),
        "code": code_fingerprint(),
        **_own_channels(door.settings),
    }
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:8]
    return Cycle(f"{as_of:%Y%m%dt%H%M%S}-{digest}", as_of, door)


def open_cycle(cycle_id: str | None = None) -> Cycle:
    """A cycle of the ledger, by default the one that is published, or else was asked for last.

    Raises:
        AimloopError: there is none.
    """
    door = open_door()
    published = warehouse.published(door.state)
    row = door.ledger.cycle(cycle_id or (published.name if published else None))
    if row is None:
        raise AimloopError(
            f"no cycle {cycle_id or ''} in {door.state.root}".replace("  ", " "), "run one first: `aimloop run`"
        )
    door = replace(door, settings=door.settings.model_copy(update={"source": row.source}))
    return Cycle(row.id, pd.Timestamp(row.as_of), door)


def choose_as_of(door: Door) -> pd.Timestamp:
    """The setting, or the first midnight after the last order (naive UTC).

    Raises:
        AimloopError: it lies outside the data; says the range.
    """
    first, end = raw_zone.data_range(door.state, door.keys)
    as_of = pd.Timestamp(door.settings.as_of) if door.settings.as_of else end
    if not first < as_of <= end:
        raise AimloopError(
            f"as_of {as_of:%Y-%m-%d %H:%M} lies outside the data",
            f"choose one after {first:%Y-%m-%d %H:%M} and not after {end:%Y-%m-%d %H:%M} (UTC)",
        )
    return as_of.tz_localize(None)


def horizon_days(settings: Settings, model: str) -> int:
    """For how long a customer is watched before an outcome of the model is known."""
    return settings.clv_horizon_days if model == "clv" else settings.churn_horizon_days


def version_in_use(cycle: Cycle, model: str) -> str | None:
    """The version a cycle scores with: the champion, unless it knows more of the world than the cycle does.

    Then it is the cycle's own version; None where there is neither.
    """
    versions = [version for version in cycle.door.ledger.versions() if version.model == model]
    champion = next((version for version in versions if version.is_champion), None)
    # the ledger is asked, not the store: a champion from the future may be lost, and is not needed
    if champion is None or pd.Timestamp(champion.report["as_of"]) <= cycle.as_of:
        return champion.tag if champion else None
    return next((version.tag for version in versions if version.cycle_id == cycle.id), None)


def _own_channels(settings: Settings) -> dict[str, str]:
    """What the user's file of channels holds is part of what a cycle is made from; where it lies is not."""
    if settings.channels is None:
        return {}
    try:
        return {"channels": hashlib.sha256(settings.channels.read_bytes()).hexdigest()}
    except OSError as error:
        raise AimloopError(f"the setting 'channels': {error}", "give the path of a CSV, or remove it") from None


def code_fingerprint(folders: tuple[str, ...] = _CODE) -> str:
    """Changed code makes a new cycle: nobody wants yesterday's result of today's model."""
    return sources_sha256(PROJECT / folder for folder in folders)
