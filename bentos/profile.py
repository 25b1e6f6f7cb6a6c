"""What is known of customers: the features that models are given. Reading many is written to the audit trail."""

from collections.abc import Sequence
from typing import Annotated, Any, NotRequired

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from bentos.endpoint import Asked, Endpoint
from bentos.live import Live
from bentos.shapes import EXAMPLES, FEW, Answer, Customers, IsKnown, ManyCustomers, OneCustomer


class CustomerProfile(TypedDict):
    """What is known of one customer."""

    is_known: IsKnown
    features: NotRequired[
        Annotated[
            dict[str, float | str | None],
            Field(description="As `aimloop docs` describes them; money in the currency of orders, times in days."),
        ]
    ]


class ProfileAnswer(Answer):
    """One entry a customer, in the order asked."""

    customers: list[CustomerProfile]


def answer(live: Live, request: OneCustomer | ManyCustomers, asked: Asked) -> dict[str, Any]:
    """The features of each customer, and as of when."""
    look = live.look
    columns, found = look.customers(look.pseudonyms(request.ids))
    live.bulk_reads.note(asked.application, sum(values is not None for values in found))
    return {**look.head(asked.request_id), "customers": [_told(columns, values) for values in found]}


def _told(columns: Sequence[str], values: Sequence[Any] | None) -> dict[str, Any]:
    if values is None:
        return {"is_known": False}
    features = {name: value for name, value in zip(columns, values, strict=True) if name != "pseudonym"}
    return {"is_known": True, "features": features}


ENDPOINT = Endpoint(
    "POST",
    "/profile",
    "read",
    TypeAdapter(ProfileAnswer),
    answer,
    TypeAdapter(Customers),
    EXAMPLES,
    is_quick=lambda request: len(request.ids) <= FEW,
)
