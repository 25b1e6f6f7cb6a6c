"""What all requests and answers have in common."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag
from typing_extensions import TypedDict

CustomerId = Annotated[
    str, Field(min_length=1, max_length=200, description="The company's own customer id.", examples=["1029"])
]
MOST_ROWS = 1_000


class Request(BaseModel):
    """A misspelt field is refused, not left out; so is 0 where false is meant."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class OneCustomer(Request):
    """One customer."""

    customer_id: CustomerId

    @property
    def ids(self) -> Sequence[str]:
        return (self.customer_id,)


class ManyCustomers(Request):
    """Many customers; the answer has one entry for each, in the same order."""

    customer_ids: list[CustomerId] = Field(min_length=1, max_length=MOST_ROWS)

    @property
    def ids(self) -> Sequence[str]:
        return self.customer_ids


Explain = Annotated[bool, Field(description="Say why, in words.")]


class OneScored(OneCustomer):
    """One customer to be scored."""

    explain: Explain = False


class ManyScored(ManyCustomers):
    """Many customers to be scored; the answer has one entry for each, in the same order."""

    explain: Explain = False


def told_apart_by(one: str, many: str) -> Discriminator:
    """Tells by which field is there which of two requests is meant: so errors name the fields of that one."""

    def which(value: Any) -> str | None:
        if not isinstance(value, dict):
            return None
        return "one" if one in value else "many" if many in value else None

    return Discriminator(
        which, custom_error_type="neither", custom_error_message=f"an object with {one} or with {many} is needed"
    )


Customers = Annotated[
    Annotated[OneCustomer, Tag("one")] | Annotated[ManyCustomers, Tag("many")],
    told_apart_by("customer_id", "customer_ids"),
]
ScoredCustomers = Annotated[
    Annotated[OneScored, Tag("one")] | Annotated[ManyScored, Tag("many")],
    told_apart_by("customer_id", "customer_ids"),
]
EXAMPLES: Mapping[str, Mapping[str, Any]] = {"one": {"customer_id": "1"}, "many": {"customer_ids": ["1", "8"]}}

RequestId = Annotated[str, Field(description="The X-Request-Id that came, or a new one.")]
AsOf = Annotated[str, Field(description="The instant (UTC) up to which the world is known.", examples=["2018-01-02"])]
IsStale = Annotated[
    bool,
    Field(description="Profiles were published longer ago than `services.stale_after_days`; as_of may be older still."),
]
IsKnown = Annotated[bool, Field(description="False for a customer without orders: there is nothing to say of them.")]
Because = Annotated[list[str], Field(description="If asked to explain: the strongest reasons, in words.")]


class Answer(TypedDict):
    """What every answer about customers says."""

    request_id: RequestId
    as_of: AsOf
    is_stale: IsStale


class Scored(TypedDict):
    """Which version said so. `prediction_id` names this row in the log; outcomes refer to it."""

    prediction_id: Annotated[str, Field(examples=["5f1c2a9b03de-1a"])]
    model: Annotated[str, Field(description="Tag of the version.", examples=["ctr:20180102t000000-1a2b3c4d"])]
    variant: Annotated[Literal["champion", "challenger"], Field(description="Which side of a running experiment.")]


class Error(TypedDict):
    """What is told instead of an answer."""

    error: Annotated[str, Field(description="What is wrong.", examples=["customer_id: Field required"])]
    remedy: Annotated[str, Field(description="What to do next.")]
    request_id: RequestId


FEW = 20


def is_few(request: OneScored | ManyScored) -> bool:
    """Is it answered in a few milliseconds?"""
    return not request.explain and len(request.ids) <= FEW
