"""Segments and RFM scores of customers, as a service of its own."""

import bentoml

from bentos.doorway import PLAIN, open_door
from bentos.endpoint import Endpoint


@bentoml.service(name="segment", **PLAIN)
class Segment:
    """Segments and RFM scores of customers, by the company's own ids."""


def endpoints() -> tuple[Endpoint, ...]:
    from bentos import segment

    return (segment.ENDPOINT,)


open_door(Segment, endpoints)
