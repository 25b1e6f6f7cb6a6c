"""Expected revenue of customers, as a service of its own."""

import bentoml

from bentos.doorway import PLAIN, open_door
from bentos.endpoint import Endpoint


@bentoml.service(name="clv", **PLAIN)
class Clv:
    """Expected revenue of customers, by the company's own ids."""


def endpoints() -> tuple[Endpoint, ...]:
    from bentos import clv

    return (clv.ENDPOINT,)


open_door(Clv, endpoints)
