"""One service with every endpoint, on one port."""

import bentoml

from bentos import churn, clv, ctr, outcomes, plan, profile, segment
from bentos.doorway import PLAIN, open_door


@bentoml.service(name="aimloop", **PLAIN)
class FrontDoor:
    """All that is said of customers, by the company's own ids."""


open_door(
    FrontDoor,
    segment.ENDPOINT,
    ctr.ENDPOINT,
    churn.ENDPOINT,
    clv.ENDPOINT,
    profile.ENDPOINT,
    plan.CURRENT,
    plan.WHAT_IF,
    outcomes.ENDPOINT,
)
