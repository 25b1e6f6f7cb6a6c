"""Who may come in: keys and their roles, how often, how much at once. It stands before every endpoint.

Keys are read anew within ``KEYS_KNOWN_AFTER`` seconds of a change in the ledger. What is not known to need a lesser
role needs ``admin``; documentation and probes need none.
"""

import logging
import os
import re
import sqlite3
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.api_keys import ApiKey, ApiKeys, Role, recognised
from infra.errors import AimloopError
from infra.ledger_watch import LedgerWatch
from infra.settings import load
from infra.state import State

OPEN = ("/", "/docs.json", "/healthz", "/livez", "/readyz")
OPEN_BELOW = "/static_content/"
ROLES: dict[str, Role] = {
    "/segment": "score",
    "/ctr": "score",
    "/churn": "score",
    "/clv": "score",
    "/metrics": "read",
}
KEYS_KNOWN_AFTER = 1.0
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refusal(Exception):
    """What a caller is told, and what to do next."""

    status: int
    error: str
    remedy: str
    headers: dict[str, str] = field(default_factory=dict)


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

    def admit(self, token: str, role: Role, now: float) -> ApiKey:
        """The key that a text is; ``now`` counts seconds.

        Raises:
            Refusal: 401 without a valid key, 403 without the role, 429 too often, 503 while keys cannot be read.
        """
        self._look(now)
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

    def _look(self, now: float) -> None:
        """Read the keys where the ledger has changed; those known before stay while it cannot be read."""
        if now - self._looked_at < KEYS_KNOWN_AFTER:
            return
        self._looked_at = now
        try:
            fresh = self._watch.if_changed(lambda ledger: {key.id: key for key in ApiKeys(ledger).all()})
            if fresh is not None:
                self._keys = fresh
        except (sqlite3.Error, SQLAlchemyError, AimloopError) as error:
            _log.exception("the keys cannot be read")
            if not self._watch.has_read:
                raise Refusal(503, "keys cannot be read", "the service's log says why") from error


class Gate:
    """Lets requests through to the services, or says why not; every answer carries a request id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._settings = load(os.environ, Path.cwd())
        self._doorkeeper = Doorkeeper(State(self._settings.state).ledger)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            self._admit(scope, headers)
            body = await _limited(receive, headers, self._settings.services.request_bytes)
        except Refusal as refusal:
            await _told(refusal, request_id)(scope, receive, answer)
            return
        await self._app(scope, body, answer)

    def _admit(self, scope: Scope, headers: Headers) -> None:
        path = scope["path"]
        if path in OPEN or path.startswith(OPEN_BELOW):
            return
        if self._settings.services.api_keys == "off":
            if not _is_this_machine(scope):
                raise Refusal(403, "without keys, this machine alone is answered", "start the service with keys")
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        key = self._doorkeeper.admit(
            token.strip() if scheme.lower() == "bearer" else "", ROLES.get(path, "admin"), time.monotonic()
        )
        scope["state"]["key"] = key.id


async def _limited(receive: Receive, headers: Headers, most: int) -> Receive:
    """The same body, as long as it is not too long. One that does not say how long it is, is read to its end here."""
    error = f"the body is longer than {most:,} bytes"
    too_long = Refusal(413, error, "send fewer rows at once, or raise services.request_bytes")
    declared = headers.get("content-length", "")
    if declared.isdecimal():  # the server sees to it that no more comes
        if int(declared) > most:
            raise too_long
        return receive
    if "transfer-encoding" not in headers:
        return receive
    whole = bytearray()
    more = True
    while more:
        message = await receive()
        whole += message.get("body", b"")
        more = message.get("more_body", False)
        if len(whole) > most:
            raise too_long
    read = False

    async def replayed() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": bytes(whole), "more_body": False}

    return replayed


def _told(refusal: Refusal, request_id: str) -> JSONResponse:
    told = {"error": refusal.error, "remedy": refusal.remedy, "request_id": request_id}
    return JSONResponse(told, refusal.status, refusal.headers)


def _is_this_machine(scope: Scope) -> bool:
    client = scope.get("client")
    try:
        return client is None or ip_address(client[0]).is_loopback
    except ValueError:  # a socket of this machine has no address
        return True


def guard(service: Any) -> None:
    """Let a service ask for keys, and refuse a field that its endpoints do not know: a misspelt one is not left out."""
    service.add_asgi_middleware(Gate)
    for api in service.apis.values():
        api.input_spec.model_config["extra"] = "forbid"
        api.input_spec.model_rebuild(force=True)
