"""What a right answer looks like, asked of every answer while there is load."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.load.questions import Question, is_stranger

ROWS = {"/ctr": "impressions", "/segment": "customers", "/churn": "customers", "/clv": "customers"}
ROWS |= {"/profile": "customers"}
VARIANTS = ("champion", "challenger")
Row = Mapping[str, Any]


def fault(question: Question, status: int, answer: Any) -> str | None:
    """What is wrong with an answer, in words that do not differ from request to request; None where it is right."""
    if status != 200:
        return f"status {status}"
    if not isinstance(answer, dict) or not answer.get("request_id"):
        return "no request_id"
    if question.path == "/outcomes":
        return _fault_of_receipt(question, answer)
    return _fault_of_rows(question, answer) if question.path in ROWS else None


def prediction_ids(question: Question, answer: Row) -> list[str]:
    """In the order of the rows; none where no model answered."""
    return [row["prediction_id"] for row in rows(question, answer)] if question.model else []


def rows(question: Question, answer: Row) -> list[Row]:
    found: list[Row] = answer[ROWS[question.path]]
    return found


def _fault_of_receipt(question: Question, answer: Row) -> str | None:
    sent = len(question.body["outcomes"]) if question.body else 0
    return None if answer.get("accepted") == sent else f"{answer.get('accepted')} of {sent} outcomes accepted"


def _fault_of_rows(question: Question, answer: Row) -> str | None:
    found = answer.get(ROWS[question.path])
    if not isinstance(found, list) or len(found) != len(question.customers):
        return f"not {len(question.customers)} rows"
    if not isinstance(answer.get("as_of"), str) or answer.get("is_stale") not in (True, False):
        return "no as_of or is_stale"
    if question.model:
        ids = {row.get("prediction_id") for row in found}
        if None in ids or len(ids) != len(found):
            return "prediction ids missing or not unique"
    faults = (_fault_of_row(question, row, who) for row, who in zip(found, question.customers, strict=True))
    return next((fault for fault in faults if fault), None)


def _fault_of_row(question: Question, row: Row, customer_id: str) -> str | None:
    if question.model and not str(row.get("model")).startswith(f"{question.model}:"):
        return f"not a version of {question.model}"
    if question.model and row.get("variant") not in VARIANTS:
        return "neither champion nor challenger"
    is_known = row.get("is_known_customer" if question.path == "/ctr" else "is_known")
    if not isinstance(is_known, bool) or (is_known and is_stranger(customer_id)):
        return "is_known is missing, or true of a stranger"
    return None if is_known is False and question.path != "/ctr" else _FAULTS[question.path](row)


def _fault_of_probability(name: str) -> Callable[[Row], str | None]:
    def check(row: Row) -> str | None:
        value = row.get(name)
        return None if isinstance(value, float) and 0 <= value <= 1 else f"{name} is no probability"

    return check


def _fault_of_churn(row: Row) -> str | None:
    if row.get("risk_band") == "lapsed":
        return None
    return _fault_of_probability("churn_probability")(row)


def _fault_of_revenue(row: Row) -> str | None:
    low, expected, high = (row.get(name) for name in ("low", "expected_revenue", "high"))
    is_right = None not in (low, expected, high) and low <= expected <= high  # type: ignore[operator]
    return None if is_right else "expected revenue does not lie within its interval"


_FAULTS: Mapping[str, Callable[[Row], str | None]] = {
    "/ctr": _fault_of_probability("click_probability"),
    "/churn": _fault_of_churn,
    "/clv": _fault_of_revenue,
    "/segment": lambda row: None if row.get("segment") else "no segment",
    "/profile": lambda row: None if row.get("features") else "no features",
}
