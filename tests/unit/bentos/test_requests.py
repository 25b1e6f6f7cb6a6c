"""What requests may say, and what those are told that do not fit."""

import json
import re
from typing import Any

import pytest

from bentos import churn, ctr, outcomes, plan
from bentos.door import _read
from bentos.endpoint import Endpoint, Refusal

AD = {"product_id": "p1"}
CLICK = {
    "outcome_id": "o1",
    "prediction_id": "5f1c2a9b03de-1a",
    "kind": "clicked",
    "occurred_at": "2018-01-02T09:30:00+01:00",
}
SALE = CLICK | {"kind": "converted", "revenue": 3.5}
SHOWN = CLICK | {"kind": "shown"}


def read(endpoint: Endpoint, body: Any) -> Any:
    return _read(endpoint, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (churn.ENDPOINT, {"customer_id": "1"}),
        (churn.ENDPOINT, {"customer_ids": ["1"] * 1_000, "explain": True}),
        (ctr.ENDPOINT, {"customer_id": "ä" * 200, "ads": [AD]}),
        (ctr.ENDPOINT, {"impressions": [AD | {"customer_id": "1", "placement": None}]}),
        (plan.WHAT_IF, {"budgets": [1, 1e12], "changes": [{"channel": "feed", "max_units": 3.5}]}),
        (outcomes.ENDPOINT, {"outcomes": [CLICK, SALE, SALE | {"revenue": None}]}),
        (outcomes.ENDPOINT, {"outcomes": [SHOWN, *(SHOWN | {"propensity": chance} for chance in (1, 1e-9, None))]}),
        *(
            (example.ENDPOINT, body)
            for example in (churn, ctr, outcomes)
            for body in example.ENDPOINT.examples.values()
        ),
        *((plan.WHAT_IF, body) for body in plan.WHAT_IF.examples.values()),
    ],
)
def test_what_fits_is_read(endpoint, body) -> None:
    assert read(endpoint, body)


@pytest.mark.parametrize(
    ("endpoint", "body", "told"),
    [
        (churn.ENDPOINT, {}, "the body: an object with customer_id or with customer_ids is needed"),
        (churn.ENDPOINT, {"customer": "1"}, "the body: an object with customer_id or with customer_ids is needed"),
        (churn.ENDPOINT, [], "the body: an object with customer_id or with customer_ids is needed"),
        (churn.ENDPOINT, {"customer_id": 1}, "customer_id: Input should be a valid string"),
        (churn.ENDPOINT, {"customer_id": "1", "customer_ids": ["8"]}, "customer_ids: Extra inputs are not permitted"),
        (churn.ENDPOINT, {"customer_id": "1", "explain": 0}, "explain: Input should be a valid boolean"),
        (churn.ENDPOINT, {"customer_ids": ["1"] * 1_001}, "customer_ids: List should have at most 1000 items"),
        (ctr.ENDPOINT, {"customer_id": "1"}, "ads: Field required"),
        (ctr.ENDPOINT, {"impressions": [AD]}, "impressions.0.customer_id: Field required"),
        (plan.WHAT_IF, {"budgets": [0, 1e13]}, "budgets.0: .*; budgets.1: "),
        (plan.WHAT_IF, {"budgets": [1], "changes": [{"max_units": 3.0}]}, "changes.0.channel: Field required"),
        (plan.WHAT_IF, {"budgets": [1], "changes": [{"channel": "a", "unit_cost": 0.0}]}, "changes.0.unit_cost"),
        (plan.WHAT_IF, {"budgets": [1], "changes": [{"channel": "a", "units": 1}]}, "changes.0.units: Extra inputs"),
        (outcomes.ENDPOINT, {"outcomes": [CLICK | {"revenue": 3}]}, "outcomes.0.revenue: Input should be null"),
        (outcomes.ENDPOINT, {"outcomes": [CLICK | {"kind": "seen"}]}, "outcomes.0: Input tag 'seen' .*"),
        (outcomes.ENDPOINT, {"outcomes": [CLICK | {"occurred_at": "2018-01-02T09:30:00"}]}, "timezone"),
        (outcomes.ENDPOINT, {"outcomes": [CLICK | {"occurred_at": "0018-01-02T09:30:00Z"}]}, "from 1970 to 2199"),
        (outcomes.ENDPOINT, {"outcomes": [CLICK | {"occurred_at": 1514885400}]}, "from 1970 to 2199"),
        (outcomes.ENDPOINT, {"outcomes": [CLICK | {"prediction_id": "'; --"}]}, "should match pattern"),
        (outcomes.ENDPOINT, {"outcomes": [SALE | {"revenue": -1}]}, "greater than or equal to 0"),
        (outcomes.ENDPOINT, {"outcomes": [SHOWN | {"propensity": 0}]}, "propensity: Input should be greater than 0"),
        (outcomes.ENDPOINT, {"outcomes": [SHOWN | {"propensity": 1.5}]}, "less than or equal to 1"),
        (outcomes.ENDPOINT, {"outcomes": [SHOWN | {"propensity": float("nan")}]}, "propensity: Input should be a fin"),
        (outcomes.ENDPOINT, {"outcomes": [SHOWN | {"propensity": True}]}, "propensity: Input should be a valid num"),
        (outcomes.ENDPOINT, {"outcomes": [CLICK | {"propensity": 0.5}]}, "propensity: Input should be null"),
        (outcomes.ENDPOINT, {"outcomes": [SALE | {"propensity": 0.5}]}, "propensity: Input should be null"),
    ],
)
def test_what_does_not_fit_is_told_by_field_and_reason(endpoint, body, told) -> None:
    with pytest.raises(Refusal) as refusal:
        read(endpoint, body)
    assert refusal.value.status == 422
    assert re.search(told, refusal.value.error), refusal.value.error
    assert refusal.value.remedy == f"GET / documents every field of {endpoint.path}"
