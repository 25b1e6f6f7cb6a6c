"""The raw contract: the tables a company brings, before anything is cleaned.

Each also says which columns identify a row (``key``) and which is the time of the event
(``event_time``; without one, a row is always known). Optional columns that a company lacks are filled
with NULL as rows land, so that the marts always see the whole contract. ``attr_…`` columns of
customers, whatever else the company knows of them, pass through the marts into the models, unless
they are personal (`personal_columns`).
"""

from infra.contracts import Contract, Flag, Time, optional, required


class Customers(Contract):
    """A person or household."""

    customer_id: str = required(str_length={"min_value": 1, "max_value": 200})
    signed_up_at: Time = optional()
    region: str = optional()
    latitude: float = optional(ge=-90, le=90)
    longitude: float = optional(ge=-180, le=180)
    birth_date: Time = optional()
    age_band: str = optional()
    gender: str = optional()
    income_band: str = optional()
    household_size: str = optional()
    member_expires_at: Time = optional()
    name: str = optional()
    phone: str = optional()
    email: str = optional()
    id_number: str = optional()
    consent_marketing: Flag = optional()
    consent_profiling: Flag = optional()
    landed_at: Time = required()

    class Config:
        metadata = {"key": ["customer_id"], "event_time": None}


class Orders(Contract):
    """A purchase line."""

    order_id: str = required(str_length={"min_value": 1, "max_value": 200})
    customer_id: str = required(str_length={"min_value": 1, "max_value": 200})
    ordered_at: Time = required()
    amount: float = required(ge=-1e9, le=1e9)
    product_id: str = optional()
    quantity: float = optional(ge=-1e9, le=1e9, ne=0)
    discount: float = optional(ge=0, le=1e9)
    store_id: str = optional()
    channel: str = optional()
    landed_at: Time = required()

    class Config:
        metadata = {"key": None, "event_time": "ordered_at"}


class Products(Contract):
    """An article."""

    product_id: str = required(str_length={"min_value": 1, "max_value": 200})
    category: str = optional()
    department: str = optional()
    brand: str = optional()
    price: float = optional(ge=0, le=1e9)
    description: str = optional()
    landed_at: Time = required()

    class Config:
        metadata = {"key": ["product_id"], "event_time": None}


class Impressions(Contract):
    """Something shown to someone, and what came of it."""

    impression_id: str = required(str_length={"min_value": 1, "max_value": 200})
    customer_id: str = required(str_length={"min_value": 1, "max_value": 200})
    shown_at: Time = required()
    clicked: Flag = required()
    campaign_id: str = optional()
    product_id: str = optional()
    channel: str = optional()
    placement: str = optional()
    device: str = optional()
    creative_id: str = optional()
    propensity: float = optional(gt=0, le=1)
    sampling_weight: float = optional(ge=1)
    converted: Flag = optional()
    revenue: float = optional(ge=0, le=1e9)
    landed_at: Time = required()

    class Config:
        metadata = {"key": ["impression_id"], "event_time": "shown_at"}


class Campaigns(Contract):
    """A campaign."""

    campaign_id: str = required(str_length={"min_value": 1, "max_value": 200})
    channel: str = optional()
    kind: str = optional()
    starts_at: Time = optional()
    ends_at: Time = optional()
    budget: float = optional(ge=0)
    landed_at: Time = required()

    class Config:
        metadata = {"key": ["campaign_id"], "event_time": None}


class Contacts(Contract):
    """A customer reached by a campaign."""

    campaign_id: str = required(str_length={"min_value": 1, "max_value": 200})
    customer_id: str = required(str_length={"min_value": 1, "max_value": 200})
    contacted_at: Time = optional()
    responded_at: Time = optional()
    landed_at: Time = required()

    class Config:
        metadata = {"key": ["campaign_id", "customer_id"], "event_time": "contacted_at"}


class Events(Contract):
    """An app or web event."""

    event_id: str = required(str_length={"min_value": 1, "max_value": 200})
    customer_id: str = required(str_length={"min_value": 1, "max_value": 200})
    occurred_at: Time = required()
    type: str = required()
    product_id: str = optional()
    properties: str = optional()
    landed_at: Time = required()

    class Config:
        metadata = {"key": ["event_id"], "event_time": "occurred_at"}


RAW: dict[str, type[Contract]] = {
    "customers": Customers,
    "orders": Orders,
    "products": Products,
    "impressions": Impressions,
    "campaigns": Campaigns,
    "contacts": Contacts,
    "events": Events,
}
