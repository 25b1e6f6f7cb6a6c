"""Right answers pass, and each way of being wrong is told."""

from typing import Any

import pytest

from tests.load.answers import fault, prediction_ids
from tests.load.questions import Question, customer, one_ad
from tests.load.traffic import Shown

AD = one_ad(Shown("7", "p1", "mailer", None))
CHURN = customer("churn", "/churn", "7")
STRANGER = one_ad(Shown("stranger-1", "p1", None, None))


def answered(question: Question, **changed: Any) -> dict[str, Any]:
    row = {"prediction_id": "a-1", "model": f"{question.model}:c1", "variant": "champion"}
    known = {"is_known_customer": True} if question.path == "/ctr" else {"is_known": True}
    said = {"click_probability": 0.25, "churn_probability": 0.5, "risk_band": "high"}
    rows = [row | known | said | changed]
    name = "impressions" if question.path == "/ctr" else "customers"
    return {"request_id": "r1", "as_of": "2018-01-02T00:00:00", "is_stale": False, name: rows}


def test_a_right_answer_has_no_fault() -> None:
    assert fault(AD, 200, answered(AD)) is None
    assert fault(CHURN, 200, answered(CHURN)) is None
    assert fault(CHURN, 200, answered(CHURN, churn_probability=None, risk_band="lapsed")) is None
    assert fault(STRANGER, 200, answered(STRANGER, is_known_customer=False)) is None
    assert prediction_ids(AD, answered(AD)) == ["a-1"]


@pytest.mark.parametrize(
    ("question", "changed", "what"),
    [
        (AD, {"prediction_id": None}, "prediction ids missing or not unique"),
        (AD, {"model": "churn:c1"}, "not a version of ctr"),
        (AD, {"variant": "winner"}, "neither champion nor challenger"),
        (AD, {"click_probability": 1.5}, "click_probability is no probability"),
        (AD, {"click_probability": None}, "click_probability is no probability"),
        (STRANGER, {"is_known_customer": True}, "is_known is missing, or true of a stranger"),
        (CHURN, {"churn_probability": None}, "churn_probability is no probability"),
    ],
)
def test_a_wrong_row_is_told(question: Question, changed: dict[str, Any], what: str) -> None:
    assert fault(question, 200, answered(question, **changed)) == what


def test_a_wrong_answer_is_told() -> None:
    assert fault(AD, 503, None) == "status 503"
    assert fault(AD, 200, None) == "no request_id"
    assert fault(AD, 200, answered(AD) | {"impressions": []}) == "not 1 rows"
    assert fault(AD, 200, answered(AD) | {"is_stale": None}) == "no as_of or is_stale"
    report = Question("outcomes", "POST", "/outcomes", {"outcomes": [{}, {}]})
    assert fault(report, 200, {"request_id": "r1", "accepted": 1}) == "1 of 2 outcomes accepted"


def test_prediction_ids_of_one_answer_differ() -> None:
    two = Question("ctr, 2", "POST", "/ctr", None, ("7", "7"))
    answer = answered(two)
    answer["impressions"] *= 2
    assert fault(two, 200, answer) == "prediction ids missing or not unique"
