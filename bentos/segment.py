"""Segments and RFM scores of customers."""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from bentos.customers import answer_for_each
from bentos.endpoint import Asked, Endpoint
from bentos.live import Live
from bentos.shapes import EXAMPLES, Answer, Because, IsKnown, ManyScored, OneScored, Scored, ScoredCustomers, is_few
from models import segmentation
from models.segment_names import strategy


class _Said(TypedDict, total=False):
    segment_id: Annotated[int, Field(description="Stays the same from version to version, as the name does.")]
    segment: Annotated[str, Field(examples=["important value"])]
    rfm: Annotated[str, Field(description="Recency, frequency, monetary: 1 to 5 each, 5 is best.", examples=["545"])]
    strategy: Annotated[str, Field(description="What to do about such customers.")]
    because: Because


class CustomerSegment(Scored, _Said):
    """What is said of one customer; of one who is not known, only that."""

    is_known: IsKnown


class SegmentAnswer(Answer):
    """One entry a customer, in the order asked."""

    customers: list[CustomerSegment]


def answer(live: Live, request: OneScored | ManyScored, asked: Asked) -> dict[str, Any]:
    """The segment each customer belongs to."""
    return answer_for_each(live, "segmentation", request, asked, _told, segmentation.explain)


def _told(_: Any, said: dict[str, Any]) -> dict[str, Any]:
    scores = (said[f"{axis}_score"] for axis in ("recency", "frequency", "monetary"))
    segment = said["segment"]
    return {
        "segment_id": said["segment_id"],
        "segment": segment,
        "rfm": "".join(str(score) for score in scores),
        "strategy": strategy(segment),
    }


ENDPOINT = Endpoint(
    "POST",
    "/segment",
    "score",
    TypeAdapter(SegmentAnswer),
    answer,
    TypeAdapter(ScoredCustomers),
    EXAMPLES,
    models={"segmentation": segmentation.scorer},
    is_quick=is_few,
)
