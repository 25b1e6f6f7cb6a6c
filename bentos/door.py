"""The door: every request comes here first. It asks the gate, reads what is asked, answers, and counts.

All that is refused is told in the same words: error, remedy, request id.
"""

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from bentos.endpoint import Asked, Endpoint, Refusal
from bentos.gate import Gate
from bentos.openapi import document
from bentos.page import PAGE
from infra.errors import AimloopError
from infra.profiles import GenerationGone

if TYPE_CHECKING:
    from bentos.live import Live

THREADS = 4
MOST_WAITING, MOST_WAITING_FOR_DISK = 64, 16
MOST_TOLD = 5  # errors of one request
LONGEST_ERROR = 500  # what a caller sent comes back in it
BRANCHES = {"one", "many", "shown", "clicked", "converted"}  # of requests that may be one thing or another
BODY_SECONDS = 30.0
PROBES = ("/livez", "/healthz", "/readyz")
OF_BENTOML = "/static_content/"  # the scripts of the documentation's page
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_JSON, _HTML, _TEXT = b"application/json", b"text/html; charset=utf-8", b"text/plain; version=0.0.4; charset=utf-8"
_log = logging.getLogger(__name__)


class _Lane:
    """Threads for requests that take longer, and how many of those may wait."""

    def __init__(self, threads: int, most: int) -> None:
        self.threads, self.most, self.waiting = ThreadPoolExecutor(threads, "answers"), most, 0


class Door:
    """An ASGI application before another one, ``behind``, which gets what is its own."""

    def __init__(self, behind: ASGIApp, endpoints: Sequence[Endpoint], live: "Live", gate: Gate) -> None:
        self._behind, self._live, self._gate = behind, live, gate
        self._endpoints = {(endpoint.method, endpoint.path): endpoint for endpoint in endpoints}
        self._lanes = {False: _Lane(THREADS, MOST_WAITING), True: _Lane(1, MOST_WAITING_FOR_DISK)}
        self._are_profiles_near = live.settings.services.profile_store == "sqlite"
        self._open: Mapping[str, Any] = {
            "/": lambda: (200, _HTML, PAGE),
            "/docs.json": lambda: (200, _JSON, orjson.dumps(document(endpoints))),
            **dict(zip(PROBES, (self._livez, self._livez, self._readyz), strict=True)),
        }

    def close(self) -> None:
        """Answer what has begun, and write down what has not been written yet."""
        for lane in self._lanes.values():
            lane.threads.shutdown(wait=True)
        self._live.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._behind(scope, receive, send)
            return
        began = time.perf_counter()
        headers = {name: value.decode("latin-1") for name, value in scope["headers"] if name in _WANTED}
        given = headers.get(b"x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        path = scope["path"]
        endpoint = self._endpoints.get((scope["method"], path))
        more: Mapping[str, str] = {}
        try:
            if endpoint is not None:
                application = self._gate.admit(scope, headers.get(b"authorization", ""), endpoint.role)
                asked = Asked(request_id, application, began)
                status, kind, content = await self._answer(endpoint, asked, receive, headers)
            elif path.startswith(OF_BENTOML) and ".." not in path:
                await self._behind(scope, receive, send)
                return
            else:
                status, kind, content = self._open_to_all(scope["method"], path)
        except Refusal as refusal:
            status, kind, more = refusal.status, _JSON, refusal.headers
            content = _told(refusal.error, refusal.remedy, request_id)
        except Exception:
            _log.exception("request %s failed", request_id)
            status, kind = 500, _JSON
            content = _told("something went wrong here", "the service's log says what, by this request id", request_id)
        self._live.counts.request(path if endpoint is not None else "other", status, time.perf_counter() - began)
        answered = [
            (b"content-type", kind),
            (b"content-length", b"%d" % len(content)),
            (b"x-request-id", request_id.encode()),
            *((name.lower().encode(), value.encode()) for name, value in more.items()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": answered})
        await send({"type": "http.response.body", "body": content})

    async def _answer(
        self, endpoint: Endpoint, asked: Asked, receive: Receive, headers: Mapping[bytes, str]
    ) -> tuple[int, bytes, bytes]:
        request = None
        if endpoint.request is not None:
            # most bodies are there already: a timer for each would cost more than reading them
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    body = await self._gate.body(receive, headers.get(b"content-length", ""))
            except TimeoutError:
                raise Refusal(408, "the body did not come", "send it at once") from None
            request = _read(endpoint, body)
        try:
            if endpoint.is_quick(request) and (self._are_profiles_near or endpoint.request is None):
                answer = self._handled(endpoint, request, asked)
            else:
                answer = await self._beside(endpoint, request, asked)
        except AimloopError as error:
            _log.error("request %s: %s", asked.request_id, error)  # it names paths of ours
            raise Refusal(503, "this cannot be answered now", "the service's log and /health say why") from None
        if isinstance(answer, bytes):
            return 200, _TEXT, answer
        return 200, _JSON, orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)

    async def _beside(self, endpoint: Endpoint, request: Any, asked: Asked) -> Any:
        """Answered in a thread, so that quick requests need not wait."""
        lane = self._lanes[endpoint.waits_for_disk]
        if lane.waiting >= lane.most:
            raise Refusal(503, "too many long requests at once", "send it again in a moment", {"Retry-After": "1"})
        lane.waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(lane.threads, self._handled, endpoint, request, asked)
        finally:
            lane.waiting -= 1

    def _handled(self, endpoint: Endpoint, request: Any, asked: Asked) -> Any:
        try:
            return endpoint.handle(self._live, request, asked)
        except GenerationGone:  # Redis keeps two: a request that began long ago begins again with what is there now
            self._live.refresh(anew=True)
            return endpoint.handle(self._live, request, asked)

    def _open_to_all(self, method: str, path: str) -> tuple[int, bytes, bytes]:
        """Documentation and probes, which need no key."""
        allowed = [known for known, at in self._endpoints if at == path] + ["GET"] * (path in self._open)
        if not allowed:
            raise Refusal(404, "there is nothing here", "GET / documents the endpoints")
        if method == "HEAD" and "GET" in allowed and path in self._open:  # some balancers probe so
            status, kind, _ = self._open[path]()
            return status, kind, b""
        if method not in allowed:
            methods = ", ".join(allowed)
            raise Refusal(405, f"this is asked with {methods}", "GET / documents the endpoints", {"Allow": methods})
        status, kind, content = self._open[path]()
        return status, kind, content

    def _livez(self) -> tuple[int, bytes, bytes]:
        """Does the process answer, and do the threads beside the requests go on?"""
        return _probed(None if self._live.is_alive else "a thread has ended")

    def _readyz(self) -> tuple[int, bytes, bytes]:
        """Could a request be answered now?"""
        live = self._live
        no_model = "no model is loaded: " + ("; ".join(live.versions.troubles.values()) or "none has been trained yet")
        needs_models = any(endpoint.models for endpoint in self._endpoints.values())
        return _probed(
            (no_model if needs_models and not live.versions.routes else None) or live.unreadable or self._gate.trouble()
        )


_WANTED = {b"authorization", b"content-length", b"x-request-id"}


def _probed(trouble: str | None) -> tuple[int, bytes, bytes]:
    told = {"status": "ok"} if trouble is None else {"status": "failing", "reason": trouble}
    return 200 if trouble is None else 503, _JSON, orjson.dumps(told)


def _told(error: str, remedy: str, request_id: str) -> bytes:
    return orjson.dumps({"error": error, "remedy": remedy, "request_id": request_id})


def _read(endpoint: Endpoint, body: bytes) -> Any:
    assert endpoint.request is not None
    try:
        return endpoint.request.validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        if found[0]["type"] == "json_invalid":
            raise Refusal(400, f"the body is no JSON: {found[0]['msg']}", "send a JSON object") from None
        told = [f"{_where(each['loc'])}: {each['msg']}" for each in found[:MOST_TOLD]]
        more = f"; and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
        raise Refusal(
            422, ("; ".join(told) + more)[:LONGEST_ERROR], f"GET / documents every field of {endpoint.path}"
        ) from None


def _where(place: tuple[int | str, ...]) -> str:
    """The field that is meant; which of several requests was understood is our own affair."""
    return ".".join(str(part) for part in place if part not in BRANCHES) or "the body"
