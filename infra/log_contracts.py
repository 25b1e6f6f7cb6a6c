"""The contracts of the log zone: what services said, and what applications reported to have come of it.

Like the raw contracts; customers are pseudonyms from the start.
"""

from infra.contracts import Contract, Flag, Time, optional, required

_ID = {"min_value": 1, "max_value": 200}


class Predictions(Contract):
    """One row of an answer, or of a shadow that nobody was told (`infra.prediction_log`).

    ``pseudonym`` is empty where keys have been rotated since and the crosswalk does not know the customer; value, label
    and features are, where nothing could be said of a customer who is not known.
    """

    prediction_id: str = required(str_length=_ID)
    request_id: str = required(str_length=_ID)
    predicted_at: Time = required()
    model: str = required(str_length=_ID)
    version: str = required(str_length=_ID)
    variant: str = required(isin=["champion", "challenger"])
    is_answered: Flag = required()
    propensity: float = required(gt=0, le=1)
    pseudonym: str = optional(str_length=_ID)
    is_known: Flag = required()
    product_id: str = optional()
    channel: str = optional()
    placement: str = optional()
    value: float = optional()
    label: str = optional()
    features_fingerprint: str = optional(str_length=_ID)
    latency_ms: float = required(ge=0)
    as_of: Time = required()
    application: str = required(str_length=_ID)

    class Config:
        metadata = {"key": ["prediction_id", "variant"], "event_time": "predicted_at"}


class ReportedOutcomes(Contract):
    """What came of a prediction, as an application reported it; the prediction may be unknown, yet or for good.

    ``propensity``: of what was shown, the chance with which the application chose it among the rows of its request.
    """

    outcome_id: str = required(str_length=_ID)
    prediction_id: str = required(str_length=_ID)
    kind: str = required(isin=["shown", "clicked", "converted"])
    occurred_at: Time = required()
    revenue: float = optional()
    propensity: float = optional(gt=0, le=1)
    reported_at: Time = required()
    application: str = required(str_length=_ID)

    class Config:
        metadata = {"key": ["outcome_id"], "event_time": "occurred_at"}


LOG: dict[str, type[Contract]] = {"predictions": Predictions, "outcomes": ReportedOutcomes}
