"""Click probabilities of what might be shown to customers, as a service of its own."""

import bentoml

from bentos.doorway import PLAIN, open_door
from bentos.endpoint import Endpoint


@bentoml.service(name="ctr", **PLAIN)
class Ctr:
    """Click probabilities of what might be shown to customers, by the company's own ids."""


def endpoints() -> tuple[Endpoint, ...]:
    from bentos import ctr

    return (ctr.ENDPOINT,)


open_door(Ctr, endpoints)
