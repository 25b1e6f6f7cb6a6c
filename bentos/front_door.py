"""One service with every endpoint, on one port."""

import bentoml

from bentos.churn import ChurnApi
from bentos.ctr import CtrApi
from bentos.gate import Gate
from bentos.live import Live
from bentos.page import DocumentationPage
from bentos.segment import SegmentApi


@bentoml.service(name="aimloop", traffic={"timeout": 30}, logging={"access": {"enabled": False}})
class FrontDoor(SegmentApi, CtrApi, ChurnApi):
    """Segments, click probabilities and churn risks of customers, by the company's own ids."""

    def __init__(self) -> None:
        self.live = Live.open(("segmentation", "ctr", "churn"))


FrontDoor.add_asgi_middleware(Gate)  # type: ignore[attr-defined]  # the decorator adds it
FrontDoor.add_asgi_middleware(DocumentationPage)  # type: ignore[attr-defined]
