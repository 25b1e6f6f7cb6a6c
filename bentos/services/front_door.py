"""One service with every endpoint, on one port."""

import bentoml

from bentos.doorway import PLAIN, open_door
from bentos.endpoint import Endpoint


@bentoml.service(name="aimloop", **PLAIN)
class FrontDoor:
    """All that is said of customers, by the company's own ids."""


def endpoints() -> tuple[Endpoint, ...]:
    from bentos import churn, clv, ctr, outcomes, plan, profile, segment

    return (
        segment.ENDPOINT,
        ctr.ENDPOINT,
        churn.ENDPOINT,
        clv.ENDPOINT,
        profile.ENDPOINT,
        plan.CURRENT,
        plan.WHAT_IF,
        outcomes.ENDPOINT,
    )


open_door(FrontDoor, endpoints)
