"""The contracts of what budgets are planned from: what channels brought, and what segments are worth."""

from infra.contracts import Contract, Time, Whole, optional, required


class ChannelResponses(Contract):
    """What a channel brought in a segment up to ``as_of``, with sums over customers that tell how sure it is.

    A unit is a contact or an impression, a response what ``channel_results`` calls a response or a click.
    """

    channel: str = required()
    unit: str = required(isin=["contact", "impression"])
    segment: str = required()
    customers: Whole = required(ge=1)
    units: float = required(ge=0)
    responses: float = required(ge=0)
    units_squares: float = required(ge=0)
    responses_squares: float = required(ge=0)
    products: float = required(ge=0)
    busiest_units: float = required(ge=0)  # most units in the segment in any week

    class Config:
        metadata = {"key": ["channel", "unit", "segment"]}


class SegmentWorth(Contract):
    """Customers of a segment: who may be contacted, what they ordered in 84 days, what they are expected to spend."""

    segment: str = required(unique=True)
    customers: Whole = required(ge=1)
    reachable: Whole = required(ge=0)
    orders: float = required(ge=0)
    amount: float = required()
    orders_squares: float = required(ge=0)
    amount_squares: float = required(ge=0)
    products: float = required()
    expected_revenue: float = optional(ge=0)
    expected_revenue_low: float = optional(ge=0)
    expected_revenue_high: float = optional(ge=0)
    churn_probability: float = optional(ge=0, le=1)

    class Config:
        metadata = {"key": ["segment"]}


class ChannelWeeks(Contract):
    """Units that a channel had in a week that is over, and the responses to them."""

    channel: str = required()
    unit: str = required(isin=["contact", "impression"])
    week: Time = required()
    units: float = required(ge=0)
    responses: float = required(ge=0)

    class Config:
        metadata = {"key": ["channel", "unit", "week"]}


class ChannelWindow(Contract):
    """What happened in a channel between two instants; revenue is what applications reported, in so many reports.

    ``control_…``: customers held back (of campaigns whose kind is ``control``) and what they ordered since;
    ``treated_return``: what those ordered since who were contacted; empty where nobody was held back.
    """

    channel: str = required()
    unit: str = required(isin=["contact", "impression"])
    units: float = required(ge=0)
    responses: float = required(ge=0)
    revenue: float = optional()
    reports: float = optional(ge=0)
    customers: float = optional(ge=0)
    treated_return: float = optional()
    return_squares: float = optional(ge=0)
    control_customers: float = optional(ge=0)
    control_return: float = optional()
    control_squares: float = optional(ge=0)

    class Config:
        metadata = {"key": ["channel", "unit"]}
