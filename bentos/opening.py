"""What a worker does when it starts: read the settings, load what answers, and stand at the door."""

import os
from pathlib import Path

from starlette.types import ASGIApp

from bentos import health, metrics
from bentos.door import Door
from bentos.endpoint import Endpoint
from bentos.gate import Gate
from bentos.live import Live
from infra.settings import load


def opened(behind: ASGIApp, endpoints: tuple[Endpoint, ...]) -> Door:
    """The door of a service with these endpoints, and those that every service has."""
    settings = load(os.environ, Path.cwd())
    makers = {name: make for endpoint in endpoints for name, make in endpoint.models.items()}
    live = Live(makers, settings)
    return Door(behind, (*endpoints, health.ENDPOINT, metrics.ENDPOINT), live, Gate(settings, live.state))
