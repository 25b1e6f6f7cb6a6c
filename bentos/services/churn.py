"""Churn probabilities and risk bands of customers, as a service of its own."""

import bentoml

from bentos.doorway import PLAIN, open_door
from bentos.endpoint import Endpoint


@bentoml.service(name="churn", **PLAIN)
class Churn:
    """Churn probabilities and risk bands of customers, by the company's own ids."""


def endpoints() -> tuple[Endpoint, ...]:
    from bentos import churn

    return (churn.ENDPOINT,)


open_door(Churn, endpoints)
