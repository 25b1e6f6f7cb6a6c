"""Expected revenue of customers, with an interval."""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from bentos.customers import answer_for_each
from bentos.endpoint import Asked, Endpoint
from bentos.live import Live
from bentos.shapes import EXAMPLES, Answer, Because, IsKnown, ManyScored, OneScored, Scored, ScoredCustomers, is_few
from models import clv

Revenue = Annotated[float, Field(description="Within the horizon, in the currency of orders.", ge=0)]


class _Said(TypedDict, total=False):
    expected_revenue: Revenue
    low: Annotated[float, Field(description="Four customers in five spend between low and high.", ge=0)]
    high: Annotated[float, Field(ge=0)]
    horizon_days: Annotated[int, Field(description="Revenue is what is spent within so many days after as_of.")]
    because: Because


class CustomerRevenue(Scored, _Said):
    """What is said of one customer; of one who is not known, only that."""

    is_known: IsKnown


class ClvAnswer(Answer):
    """One entry a customer, in the order asked."""

    customers: list[CustomerRevenue]


def answer(live: Live, request: OneScored | ManyScored, asked: Asked) -> dict[str, Any]:
    """What each customer is expected to spend."""

    def told(fitted: Any, said: dict[str, Any]) -> dict[str, Any]:
        return {**said, "horizon_days": fitted.model.horizon_days}

    return answer_for_each(live, "clv", request, asked, told, clv.explain)


ENDPOINT = Endpoint(
    "POST",
    "/clv",
    "score",
    TypeAdapter(ClvAnswer),
    answer,
    TypeAdapter(ScoredCustomers),
    EXAMPLES,
    models={"clv": clv.scorer},
    is_quick=is_few,
)
