"""Churn probabilities and risk bands of customers."""

from typing import Literal

import bentoml
from pydantic import BaseModel, Field

from bentos.gate import guard
from bentos.live import Live
from bentos.shapes import Answer, CustomerIds, one_each
from models import churn


class CustomerChurn(BaseModel):
    is_known: bool = Field(description="False for a customer without orders; the rest is then empty.")
    churn_probability: float | None = Field(default=None, description="Of no order within the horizon; 0 to 1.")
    risk_band: Literal["low", "medium", "high", "lapsed"] | None = Field(
        default=None, description="`lapsed`: no order for so long that there is nothing to predict; the rest is empty."
    )
    median_days_to_order: float | None = Field(default=None, description="By then half such customers have ordered.")
    because: list[str] | None = Field(default=None, description="If asked to explain: the strongest reasons, in words.")
    contact_day: int | None = Field(default=None, description="Days after as_of on which to make contact.")


class ChurnAnswer(Answer):
    customers: list[CustomerChurn] = Field(description="One per customer asked for, in the same order.")


class ChurnApi:
    """Mixed into the service of its own and into the front door."""

    live: Live

    @bentoml.api
    def churn(self, customer_ids: CustomerIds, explain: bool = False) -> ChurnAnswer:
        """How probably each customer lapses."""
        tag, fitted = self.live.model("churn")
        as_of, features = self.live.customers(customer_ids)
        known = features[features["is_known"]]
        predicted = churn.predict(fitted, known)
        if explain:
            predicted["because"] = churn.explain(fitted, known)
        customers = one_each(CustomerChurn, features, predicted)
        return ChurnAnswer(model=tag, as_of=as_of, customers=customers)


@bentoml.service(name="churn")
class Churn(ChurnApi):
    def __init__(self) -> None:
        self.live = Live.open(("churn",))


guard(Churn)
