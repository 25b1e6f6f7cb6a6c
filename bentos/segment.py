"""Segments and RFM scores of customers."""

import bentoml
from pydantic import BaseModel, Field

from bentos.gate import Gate
from bentos.live import Live
from bentos.shapes import Answer, CustomerIds, refuse_unknown_fields
from models import segmentation


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
        known = features[features["is_known"]]
        found = segmentation.predict(fitted, known).to_dict("index")
        customers = [
            CustomerSegment(
                is_known=True,
                segment_id=found[row]["segment_id"],
                segment=found[row]["segment"],
                rfm="".join(str(found[row][f"{axis}_score"]) for axis in ("recency", "frequency", "monetary")),
            )
            if row in found
            else CustomerSegment(is_known=False)
            for row in features.index
        ]
        return SegmentAnswer(model=tag, as_of=as_of, customers=customers)


@bentoml.service(name="segment")
class Segment(SegmentApi):
    def __init__(self) -> None:
        self.live = Live.open(("segmentation",))


Segment.add_asgi_middleware(Gate)  # type: ignore[attr-defined]  # the decorator adds it
refuse_unknown_fields(Segment)
