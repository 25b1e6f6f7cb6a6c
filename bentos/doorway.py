"""How the door comes to stand before BentoML, which starts workers, watches them and packages them.

BentoML's own path costs more than scoring does: OpenTelemetry, a timer a request that is never cancelled (its memory is
free once the timeout has passed), a context, a schema made anew for each answer (docs/decisions/0033). So requests meet
the door first, and BentoML gets those that the door does not know.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bentos.endpoint import Endpoint

PLAIN: dict[str, Any] = {
    "logging": {"access": {"enabled": False}},  # a request names customers by the company's own ids
    "metrics": {"enabled": False},  # the door counts
}


class Doorway:
    """A service's middleware until it starts; then the door takes its place before all other middleware."""

    def __init__(self, app: ASGIApp, endpoints: Callable[[], tuple[Endpoint, ...]]) -> None:
        self._app, self._endpoints = app, endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        _count_apart()
        from bentos.opening import opened

        service = scope["app"]  # Starlette's application, of which BentoML's middleware is the stack
        service.middleware_stack = door = opened(service.middleware_stack, self._endpoints())

        async def send_after_closing(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown"):
                door.close()
            await send(message)

        await self._app(scope, receive, send_after_closing)


def _count_apart() -> None:
    """Workers of one service share a folder of counts: not BentoML's, which each service empties when it starts."""
    given = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if given is None:
        return
    shared = Path(given)
    for other in shared.parent.glob(f"{shared.name}-*"):
        if not Path(f"/proc/{other.name.rpartition('-')[2]}").exists() and Path("/proc").exists():
            shutil.rmtree(other, ignore_errors=True)  # of a service that has ended
    ours = shared.with_name(f"{shared.name}-{os.getppid()}")
    ours.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(ours)


def open_door(service: Any, endpoints: Callable[[], tuple[Endpoint, ...]]) -> None:
    """Let a service answer at ``endpoints``, and at those that every service has."""
    service.add_asgi_middleware(Doorway, endpoints=endpoints)
