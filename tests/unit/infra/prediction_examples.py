"""Rows of the prediction log, and a log that writes as soon as it can."""

from infra.prediction_log import Prediction

ROW = Prediction(
    prediction_id="p1",
    request_id="r1",
    predicted_at="2026-03-02T09:00:00.250000Z",
    model="ctr",
    version="ctr:20260302t000000-0a1b2c3d",
    variant="champion",
    is_answered=True,
    propensity=0.9,
    pseudonym="abcdefghijklmnopabcdefgh",
    is_known=True,
    product_id="819",
    channel="mailer",
    placement=None,
    value=0.25,
    label=None,
    features_fingerprint="0123456789abcdef",
    latency_ms=1.5,
    as_of="2026-03-02T00:00:00Z",
    application="0a1b2c3d",
)


def rows(number: int, first: int = 0) -> list[Prediction]:
    return [ROW._replace(prediction_id=f"p{n}") for n in range(first, first + number)]
