"""Segments and RFM scores of customers."""

import bentoml
from pydantic import BaseModel, Field

from bentos.gate import guard
from bentos.live import Live
from bentos.shapes import Answer, CustomerIds, one_each
from models import segmentation
from models.segment_names import rfm


class CustomerSegment(BaseModel):
    is_known: bool = Field(description="False for a customer without orders; the rest is then empty.")
    segment_id: int | None = None
    segment: str | None = Field(default=None, examples=["important value"])
    rfm: str | None = Field(
        default=None, description="Recency, frequency, monetary: 1 to 5 each, 5 is best.", examples=["545"]
    )


class SegmentAnswer(Answer):
    customers: list[CustomerSegment] = Field(description="One per customer asked for, in the same order.")


class SegmentApi:
    """Mixed into the service of its own and into the front door."""

    live: Live

    @bentoml.api
    def segment(self, customer_ids: CustomerIds) -> SegmentAnswer:
        """The segment each customer belongs to."""
        tag, fitted = self.live.model("segmentation")
        as_of, features = self.live.customers(customer_ids)
        found = segmentation.predict(fitted, features[features["is_known"]])
        told = found[["segment_id", "segment"]].assign(rfm=rfm(found))
        customers = one_each(CustomerSegment, features, told)
        return SegmentAnswer(model=tag, as_of=as_of, customers=customers)


@bentoml.service(name="segment")
class Segment(SegmentApi):
    def __init__(self) -> None:
        self.live = Live.open(("segmentation",))


guard(Segment)
