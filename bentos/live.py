"""What every worker holds: versions, profiles, the key that turns customer ids into pseudonyms, and the log.

A thread beside the requests looks twice a second whether a cycle has published, keys were rotated, or the ledger names
other versions; requests take what they find when they begin, and touch no pointer themselves.
"""

import gc
import logging
import secrets
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from bentos.bulk_reads import BulkReads, Recorder
from bentos.counting import Counts
from bentos.endpoint import Refusal
from bentos.routing import MakeScorer, Route, Versions
from bentos.shadow import Shadow
from infra import registry
from infra.erasing import tombstones
from infra.errors import AimloopError
from infra.keys import Keys, open_keys
from infra.outcomes import Outcomes
from infra.prediction_log import PredictionLog
from infra.profiles import Profiles, open_profiles, published
from infra.settings import Settings
from infra.state import State

LOOK_SECONDS = 0.5
LOG_ROWS = 200_000
_CODE = Path(__file__).resolve().parent.parent
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Look:
    """What one request sees of an epoch: profiles, the key that their pseudonyms are made with, who is erased, and
    where is written what was answered.
    """

    profiles: Profiles = field(repr=False)
    keys: Keys = field(repr=False)
    erased: frozenset[str] = field(repr=False)
    log: PredictionLog = field(repr=False)
    outcomes: Outcomes = field(repr=False)
    seen: tuple[object, ...]
    is_stale: bool

    @cached_property
    def ad_columns(self) -> tuple[str, ...]:
        """What is known of an ad for a customer: what the request says, then the tables of profiles."""
        tables = ("products", "customers", "customer_product", "customer_category")
        return ("channel", "placement", *(column for table in tables for column in self.profiles.columns[table]))

    @cached_property
    def nothing(self) -> Mapping[str, tuple[None, ...]]:
        """By table: the values of a row that is not there."""
        return {table: (None,) * len(columns) for table, columns in self.profiles.columns.items()}

    def customers(self, pseudonyms: Iterable[str]) -> tuple[tuple[str, ...], list[tuple[Any, ...] | None]]:
        """The columns of customers, and the values of each; None for strangers."""
        keys = [(pseudonym,) for pseudonym in pseudonyms]
        return self.profiles.columns["customers"], self.profiles.rows("customers", keys)

    def pseudonyms(self, ids: Sequence[str]) -> list[str]:
        """One an id, in order."""
        known: dict[str, str] = {}
        for id_ in ids:
            if id_ not in known:
                known[id_] = self.keys.pseudonymise(id_)
        return [known[id_] for id_ in ids]

    def head(self, request_id: str) -> dict[str, Any]:
        """What every answer about customers begins with (`shapes.Answer`)."""
        return {"request_id": request_id, "as_of": self.profiles.as_of, "is_stale": self.is_stale}

    def is_erased(self, customer_id: str) -> bool:
        """Of whom nothing must be written down again."""
        return bool(self.erased) and self.keys.entomb(customer_id) in self.erased


class Live:
    """Opened once a worker."""

    def __init__(self, makers: Mapping[str, MakeScorer], settings: Settings) -> None:
        self.settings = settings
        self.worker = secrets.token_hex(6)
        self.state = State(settings.state).open()
        self.versions = Versions(self.state.ledger, makers, registry.packaged_champions(_CODE))
        self.counts = Counts()
        self.shadow = Shadow()
        self._trail = Recorder(self.state.ledger)
        self.bulk_reads = BulkReads(self._trail)
        self.trouble: str | None = None  # why profiles cannot be read
        self._look: Look | None = None
        self._logs: dict[str, PredictionLog] = {}
        self._lost_before = 0
        self._numbers = count()
        self._ended = threading.Event()
        self._looking = threading.Lock()
        self._follower = threading.Thread(target=self._follow, name="follower", daemon=True)
        self.refresh()
        self._tell()
        gc.collect()
        gc.freeze()  # models and libraries never become garbage: collections no longer walk them
        self._follower.start()

    # for requests

    @property
    def look(self) -> Look:
        """What counts now: take it once a request.

        Raises:
            Refusal: there are no profiles, or they cannot be read.
        """
        if self._look is None:
            raise Refusal(
                503, "there are no profiles that can be read", "`/health` says why; `aimloop run` publishes some"
            )
        return self._look

    def route(self, name: str) -> Route:
        """Who answers for a model: take it once a request.

        Raises:
            Refusal: no version of it has been trained, or none can be loaded.
        """
        found = self.versions.routes.get(name)
        if found is not None:
            return found
        if name in self.versions.troubles:
            raise Refusal(503, f"the {name} model cannot be loaded", "the service's log and /health say why")
        raise Refusal(404, f"no {name} model has been trained yet", "`aimloop status` says why")

    def prediction_id(self) -> str:
        """A name that no other answer has, of this worker or another."""
        return f"{self.worker}-{next(self._numbers):x}"

    # for probes

    @property
    def profiles(self) -> Profiles | None:
        """None as long as there have been none."""
        return self._look.profiles if self._look is not None else None

    @property
    def is_stale(self) -> bool:
        return self._look is not None and self._look.is_stale

    @property
    def unreadable(self) -> str | None:
        """Why a customer could not be looked up now; a file that was opened before can be read whatever came since."""
        is_file = self.settings.services.profile_store == "sqlite"
        return None if self._look is not None and is_file else self.trouble

    @property
    def is_alive(self) -> bool:
        """Do the threads beside the requests go on?"""
        return self._follower.is_alive() and self.shadow.is_alive and self._trail.is_alive

    @property
    def lost_rows(self) -> int:
        """Rows that should stand in the prediction log, and will not."""
        return self.shadow.lost + self._lost_before + sum(log.lost for log in self._logs.values())

    @property
    def log_trouble(self) -> str | None:
        return next((log.trouble for log in self._logs.values() if log.trouble), None)

    # beside requests

    def _follow(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            for do in (self.versions.look, self.refresh, self._tell):
                try:
                    do()
                except Exception:  # what is served now goes on being served, and the others are done all the same
                    _log.exception("what is new could not be taken up")

    def _tell(self) -> None:
        """How things are, for who looks at the counts."""
        troubles = {f"model {name}": name in self.versions.troubles for name in self.versions.names}
        troubles |= {
            "ledger": self.versions.ledger_trouble is not None,
            "profiles": self.trouble is not None,
            "stale profiles": self.is_stale,
            "prediction log": self.log_trouble is not None,
        }
        live = {
            (name, variant, served.tag)
            for name, route in self.versions.routes.items()
            for variant, served in (("champion", route.champion), ("challenger", route.challenger))
            if served is not None
        }
        self.counts.standing(self.lost_rows, troubles, live)

    def refresh(self, anew: bool = False) -> None:
        """Take up what has been published, and whose keys count, if that has changed, or (``anew``) if not."""
        with self._looking:
            self._refresh(anew)

    def _refresh(self, anew: bool) -> None:
        try:
            self._look = self._looked(anew)
            self.trouble = None
        except Exception as error:  # pointers and files may be damaged in any way: what was opened is served on
            trouble = str(error) if isinstance(error, AimloopError) else f"{type(error).__name__}: {error}"
            if trouble != self.trouble:
                _log.error("profiles cannot be read: %s", trouble, exc_info=not isinstance(error, AimloopError))
            self.trouble = trouble
            # what was published before may be served on, but not what belongs to keys that have been rotated
            if self._look is not None and self._look.seen[0] != str(self.state.pinned().epoch):
                self._look = None

    def _looked(self, anew: bool) -> Look:
        pinned, last = self.state.pinned(), self._look
        epoch, erasures = str(pinned.epoch), tombstones.fingerprint(pinned)
        seen = (epoch, published(self.settings, pinned), erasures)
        if last is not None and last.seen == seen and not anew:
            return _aged(last, self.settings.services.stale_after_days)
        is_same = last is not None and (last.seen[0], last.seen[2]) == (epoch, erasures)
        keys = last.keys if last is not None and is_same else self._open_keys(pinned)
        profiles = open_profiles(self.settings, pinned)
        if epoch not in self._logs:
            self._logs[epoch] = self._open_log(pinned)
            for other in self._logs.keys() - {epoch}:
                ended = self._logs.pop(other)
                ended.close()
                self._lost_before += ended.lost
        erased = frozenset(tombstones.read(pinned, keys))
        outcomes = Outcomes(pinned.outcomes)
        look = Look(profiles, keys, erased, self._logs[epoch], outcomes, seen, is_stale=False)
        return _aged(look, self.settings.services.stale_after_days)

    def _open_keys(self, pinned: State) -> Keys:
        if not pinned.keys.is_dir():  # an epoch that has ended: no key must be made there
            raise FileNotFoundError(pinned.keys)
        return open_keys(self.settings, pinned)

    def _open_log(self, pinned: State) -> PredictionLog:
        return PredictionLog(pinned.predictions, self.worker, self.settings.services.prediction_log_seconds, LOG_ROWS)

    def close(self) -> None:
        """Write down what has not been written yet."""
        self._ended.set()
        self._follower.join(timeout=5)
        self.shadow.close()
        self._trail.close()
        for log in self._logs.values():
            log.close()


def _aged(look: Look, days: float) -> Look:
    age = datetime.now(UTC).replace(tzinfo=None) - look.profiles.published_at
    is_stale = age > timedelta(days=days)
    return look if is_stale == look.is_stale else replace(look, is_stale=is_stale)
