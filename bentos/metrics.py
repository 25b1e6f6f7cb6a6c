"""What all workers have counted, for Prometheus."""

from typing import Any

from pydantic import TypeAdapter

from bentos.endpoint import Asked, Endpoint
from bentos.live import Live


def answer(live: Live, _: None, __: Asked) -> Any:
    """What has been counted: requests, times, rows scored, rows lost, troubles, versions; for Prometheus."""
    return live.counts.text()


ENDPOINT = Endpoint("GET", "/metrics", "read", TypeAdapter(bytes), answer, is_quick=lambda _: True)
