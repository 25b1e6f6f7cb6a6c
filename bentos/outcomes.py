"""What came of predictions: applications report here what was shown, clicked and bought."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, Field, TypeAdapter, WithJsonSchema
from typing_extensions import TypedDict

from bentos.endpoint import Asked, Endpoint, Refusal
from bentos.live import Live
from bentos.shapes import MOST_ROWS, Request, RequestId
from infra.outcomes import Outcome, OutcomeConflict

_OUR_TIME = r"^(19[7-9]\d|2[01]\d\d)-"


def _of_our_time(value: Any) -> Any:
    """Years that no clock tells are refused as they are written: the document can say so, and UTC can hold the rest."""
    if not isinstance(value, str) or not re.match(_OUR_TIME, value):
        raise ValueError("an instant from 1970 to 2199, such as 2018-01-02T09:30:00Z, is meant")
    return value


Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_of_our_time),
    Field(strict=False, description="With its time zone.", examples=["2018-01-02T09:30:00Z"]),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": _OUR_TIME}),
]


class _Reported(Request):
    """One thing that came of one prediction; one that is unknown yet is kept, and waits for it."""

    outcome_id: str = Field(
        min_length=1,
        max_length=200,
        description="Chosen by who reports. The same is kept once, whoever sends it: begin it with your own name.",
    )
    prediction_id: str = Field(pattern=r"^[0-9a-f]{12}-[0-9a-f]{1,16}$", description="As the answer named it.")
    occurred_at: Instant


class Shown(_Reported):
    """The prediction's ad was shown."""

    kind: Literal["shown"]
    revenue: None = None
    propensity: float | None = Field(
        default=None,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="The probability with which you chose to show this ad among those that you asked about for this "
        "customer in the same request, where chance took part. It lets a challenger be estimated before anybody sees "
        "what it would choose.",
        examples=[0.9],
    )


class Clicked(_Reported):
    """The prediction's ad was clicked."""

    kind: Literal["clicked"]
    revenue: None = None
    propensity: None = None


class Conversion(_Reported):
    """The customer bought."""

    kind: Literal["converted"]
    revenue: float | None = Field(
        default=None, ge=0, le=1e9, allow_inf_nan=False, description="In the currency of orders, where it is known."
    )
    propensity: None = None


Reported = Annotated[Shown | Clicked | Conversion, Field(discriminator="kind")]


class Report(Request):
    """What came of predictions: all of it is kept, or, where one does not fit, none."""

    outcomes: list[Reported] = Field(min_length=1, max_length=MOST_ROWS)


class ReportAnswer(TypedDict):
    """What became of the report."""

    request_id: RequestId
    accepted: Annotated[int, Field(description="Outcomes that are new, and kept from now on.")]
    known: Annotated[int, Field(description="Outcomes that had been reported before: sending twice does no harm.")]


def answer(live: Live, request: Report, asked: Asked) -> dict[str, Any]:
    """Keep what is reported; once it is answered, it is on the disk."""
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = [
        Outcome(
            outcome_id=one.outcome_id,
            prediction_id=one.prediction_id,
            kind=one.kind,
            occurred_at=one.occurred_at.astimezone(UTC).replace(tzinfo=None),
            revenue=one.revenue,
            application=asked.application,
            propensity=one.propensity,
        )
        for one in request.outcomes
    ]
    try:
        accepted, known = live.look.outcomes.report(rows, now)
    except OutcomeConflict as error:
        raise Refusal(409, error.what, error.remedy) from None
    return {"request_id": asked.request_id, "accepted": accepted, "known": known}


ENDPOINT = Endpoint(
    "POST",
    "/outcomes",
    "report",
    TypeAdapter(ReportAnswer),
    answer,
    TypeAdapter(Report),
    waits_for_disk=True,
    examples={
        "a click": {
            "outcomes": [
                {
                    "outcome_id": "click-1",
                    "prediction_id": "5f1c2a9b03de-1a",
                    "kind": "clicked",
                    "occurred_at": "2018-01-02T09:30:00Z",
                }
            ]
        },
        "an ad shown by chance": {
            "outcomes": [
                {
                    "outcome_id": "view-1",
                    "prediction_id": "5f1c2a9b03de-1a",
                    "kind": "shown",
                    "occurred_at": "2018-01-02T09:29:00Z",
                    "propensity": 0.9,
                }
            ]
        },
    },
)
