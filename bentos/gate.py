"""Who may come in: keys and their roles, how often, how much at once.

Keys are read anew within ``KEYS_KNOWN_AFTER`` seconds of a change in the ledger.
"""

import logging
import sqlite3
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Receive, Scope

from bentos.endpoint import Refusal
from infra.api_keys import ApiKey, ApiKeys, Role, recognised
from infra.errors import AimloopError
from infra.ledger_watch import LedgerWatch
from infra.settings import Settings
from infra.state import State

KEYS_KNOWN_AFTER = 1.0
NO_KEY = "none"
_log = logging.getLogger(__name__)


@dataclass
class Bucket:
    """How often something may happen: ``per_second`` on average, as many at once as come in one second."""

    per_second: float
    filled_at: float
    drops: float = field(init=False)

    def __post_init__(self) -> None:
        self.drops = max(self.per_second, 1.0)

    def wait(self, now: float) -> float:
        """Take one drop, and 0; or the seconds until there is one."""
        self.drops = min(self.drops + (now - self.filled_at) * self.per_second, max(self.per_second, 1.0))
        self.filled_at = now
        if self.drops >= 1:
            self.drops -= 1
            return 0.0
        return (1 - self.drops) / self.per_second


class Doorkeeper:
    """The valid keys of a ledger, and how often each has been used by this worker."""

    def __init__(self, ledger: Path) -> None:
        self._keys: dict[str, ApiKey] = {}
        self._buckets: dict[str, Bucket] = {}
        self._watch = LedgerWatch(ledger)
        self._looked_at = float("-inf")

    @property
    def has_read(self) -> bool:
        """Have the keys been read at least once?"""
        return self._watch.has_read

    def admit(self, token: str, role: Role, now: float) -> ApiKey:
        """The key that a text is; ``now`` counts seconds.

        Raises:
            Refusal: 401 without a valid key, 403 without the role, 429 too often, 503 while keys cannot be read.
        """
        self.look(now)
        key = recognised(token, self._keys)
        standing = key.standing(datetime.now(UTC).replace(tzinfo=None)) if key is not None else None
        if key is None or standing != "valid":
            error = f"this key is {standing}" if key is not None else "a key is needed" if not token else "unknown key"
            remedy = "send `Authorization: Bearer <key>`; `aimloop keys issue` makes one"
            raise Refusal(401, error, remedy, {"WWW-Authenticate": "Bearer"})
        if not key.may(role):
            raise Refusal(403, f"this key has no role '{role}'", "ask for a key with that role")
        seconds = self._buckets.setdefault(key.id, Bucket(key.requests_per_second, now)).wait(now)
        if seconds > 0:
            error = f"more than {key.requests_per_second:g} requests a second with this key"
            raise Refusal(429, error, "wait, or send more rows in one request", {"Retry-After": str(int(seconds) + 1)})
        return key

    def look(self, now: float) -> None:
        """Read the keys where the ledger has changed; those known before stay while it cannot be read.

        Raises:
            Refusal: 503, they have never been read.
        """
        if now - self._looked_at < KEYS_KNOWN_AFTER:
            return
        self._looked_at = now
        try:
            fresh = self._watch.if_changed(lambda ledger: {key.id: key for key in ApiKeys(ledger).all()})
            if fresh is not None:
                self._keys = fresh
        except (sqlite3.Error, SQLAlchemyError, AimloopError) as error:
            _log.exception("the keys cannot be read")
            if not self.has_read:
                raise Refusal(503, "keys cannot be read", "the service's log says why") from error


class Gate:
    """Lets requests in, or says why not."""

    def __init__(self, settings: Settings, state: State) -> None:
        self._doorkeeper = Doorkeeper(state.ledger)
        self._is_open = settings.services.api_keys == "off"
        self._most = settings.services.request_bytes

    def admit(self, scope: Scope, authorization: str, role: Role) -> str:
        """The id of the key that a request comes with; ``NO_KEY`` where none is asked for.

        Raises:
            Refusal: it must not come in.
        """
        if self._is_open:
            if not _is_this_machine(scope):
                raise Refusal(403, "without keys, this machine alone is answered", "start the service with keys")
            return NO_KEY
        scheme, _, token = authorization.partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else ""
        return self._doorkeeper.admit(given, role, time.monotonic()).id

    def trouble(self) -> str | None:
        """Why keys cannot be told, for probes."""
        if self._is_open:
            return None
        try:
            self._doorkeeper.look(time.monotonic())
        except Refusal as refusal:
            return refusal.error
        return None if self._doorkeeper.has_read else "keys cannot be read"

    async def body(self, receive: Receive, declared: str) -> bytes:
        """The body, if it is not too long; what says that it is, is not read.

        Raises:
            Refusal: 413, too long; 400, cut short.
        """
        if declared.isdecimal() and int(declared[:20]) > self._most:
            raise self._too_long()
        message = await receive()
        body = message.get("body", b"")
        while message.get("more_body", False):
            if len(body) > self._most:
                raise self._too_long()
            message = await receive()
            body += message.get("body", b"")
        if message["type"] == "http.disconnect":
            raise Refusal(400, "the request was cut short", "send it again")
        if len(body) > self._most:
            raise self._too_long()
        return bytes(body)

    def _too_long(self) -> Refusal:
        error = f"the body is longer than {self._most:,} bytes"
        return Refusal(413, error, "send fewer rows at once, or raise services.request_bytes")


def _is_this_machine(scope: Scope) -> bool:
    client = scope.get("client")
    try:
        return client is None or ip_address(client[0]).is_loopback
    except ValueError:  # a socket of this machine has no address
        return True
