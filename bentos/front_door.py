"""One service with every endpoint, on one port."""

import bentoml

from bentos.churn import ChurnApi
from bentos.clv import ClvApi
from bentos.ctr import CtrApi
from bentos.gate import guard
from bentos.live import Live
from bentos.page import DocumentationPage
from bentos.segment import SegmentApi


# BentoML keeps a timer of each request until its timeout has passed, answered or not: the longer that is, the more lies
# in memory, and the longer collecting garbage stops all requests
@bentoml.service(name="aimloop", traffic={"timeout": 10}, logging={"access": {"enabled": False}})
class FrontDoor(SegmentApi, CtrApi, ChurnApi, ClvApi):
    """Segments, click probabilities, churn risks and expected revenue of customers, by the company's own ids."""

    def __init__(self) -> None:
        self.live = Live.open(("segmentation", "ctr", "churn", "clv"))


guard(FrontDoor)
FrontDoor.add_asgi_middleware(DocumentationPage)  # type: ignore[attr-defined]  # the decorator adds it
