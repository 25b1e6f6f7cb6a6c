"""Churn probabilities and risk bands of customers."""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from bentos.customers import answer_for_each
from bentos.endpoint import Asked, Endpoint
from bentos.live import Live
from bentos.shapes import EXAMPLES, Answer, Because, IsKnown, ManyScored, OneScored, Scored, ScoredCustomers, is_few
from models import churn


class _Said(TypedDict, total=False):
    churn_probability: Annotated[
        float | None, Field(description="Of no order within `churn_horizon_days` (56); 0 to 1.", ge=0, le=1)
    ]
    risk_band: Annotated[
        Literal["low", "medium", "high", "lapsed"],
        Field(description="`lapsed`: no order for so long that there is nothing to predict; the rest is empty."),
    ]
    median_days_to_order: Annotated[float | None, Field(description="By then half such customers have ordered.")]
    contact_day: Annotated[
        int | None,
        Field(
            description="Days after as_of from which on silence means leaving rather than pausing, or 15 days before "
            "the membership ends: then make contact, unless the customer has ordered by then."
        ),
    ]
    because: Because


class CustomerChurn(Scored, _Said):
    """What is said of one customer; of one who is not known, only that."""

    is_known: IsKnown


class ChurnAnswer(Answer):
    """One entry a customer, in the order asked."""

    customers: list[CustomerChurn]


def answer(live: Live, request: OneScored | ManyScored, asked: Asked) -> dict[str, Any]:
    """How probably each customer lapses, and when to make contact."""
    return answer_for_each(live, "churn", request, asked, lambda _, said: said, churn.explain)


ENDPOINT = Endpoint(
    "POST",
    "/churn",
    "score",
    TypeAdapter(ChurnAnswer),
    answer,
    TypeAdapter(ScoredCustomers),
    EXAMPLES,
    models={"churn": churn.scorer},
    is_quick=is_few,
)
