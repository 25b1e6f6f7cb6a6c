"""Expected revenue of customers, with an interval."""

import bentoml
from pydantic import BaseModel, Field

from bentos.gate import guard
from bentos.live import Live
from bentos.shapes import Answer, CustomerIds, one_each
from models import clv


class CustomerRevenue(BaseModel):
    is_known: bool = Field(description="False for a customer without orders; the rest is then empty.")
    expected_revenue: float | None = Field(default=None, description="Within the horizon, in the currency of orders.")
    low: float | None = Field(default=None, description="Four customers in five spend between low and high.")
    high: float | None = None


class ClvAnswer(Answer):
    horizon_days: int = Field(description="Revenue is what is spent within so many days after as_of.", examples=[90])
    customers: list[CustomerRevenue] = Field(description="One per customer asked for, in the same order.")


class ClvApi:
    """Mixed into the service of its own and into the front door."""

    live: Live

    @bentoml.api
    def clv(self, customer_ids: CustomerIds) -> ClvAnswer:
        """What each customer is expected to spend."""
        tag, fitted = self.live.model("clv")
        as_of, features = self.live.customers(customer_ids)
        customers = one_each(CustomerRevenue, features, clv.predict(fitted, features[features["is_known"]]))
        return ClvAnswer(model=tag, as_of=as_of, horizon_days=fitted.model.horizon_days, customers=customers)


@bentoml.service(name="clv")
class Clv(ClvApi):
    def __init__(self) -> None:
        self.live = Live.open(("clv",))


guard(Clv)
