"""Click probabilities of what might be shown to customers."""

from collections.abc import Sequence
from typing import Annotated, Any, NotRequired, cast

from pydantic import Field, Tag, TypeAdapter

from bentos.endpoint import Asked, Endpoint
from bentos.live import Live, Look
from bentos.scoring import Rows, reasons, score
from bentos.shapes import MOST_ROWS, Answer, Because, CustomerId, Explain, Request, Scored, told_apart_by
from models import ctr

FEW_ADS = 128
Text = Annotated[str, Field(min_length=1, max_length=200)]


class Ad(Request):
    """Something that might be shown; channel and placement mean what they mean in the impressions log."""

    product_id: Text = Field(examples=["1029743"])
    channel: Text | None = Field(default=None, examples=["mailer"])
    placement: Text | None = Field(default=None, examples=["display 0, mailer A"])


class Impression(Ad):
    """Something that might be shown to a customer."""

    customer_id: CustomerId


class AdsForOne(Request):
    """Many ads for one customer."""

    customer_id: CustomerId
    ads: list[Ad] = Field(min_length=1, max_length=MOST_ROWS)
    explain: Explain = False

    @property
    def customer_ids(self) -> Sequence[str]:
        return [self.customer_id] * len(self.ads)


class Pairs(Request):
    """Pairs of customers and ads."""

    impressions: list[Impression] = Field(min_length=1, max_length=MOST_ROWS)
    explain: Explain = False

    @property
    def customer_ids(self) -> Sequence[str]:
        return [impression.customer_id for impression in self.impressions]

    @property
    def ads(self) -> Sequence[Ad]:
        return self.impressions


CtrRequest = Annotated[
    Annotated[AdsForOne, Tag("one")] | Annotated[Pairs, Tag("many")], told_apart_by("customer_id", "impressions")
]


class ImpressionScore(Scored):
    """What is said of one ad for one customer; what is unknown of either gets the prior for it."""

    click_probability: Annotated[float, Field(description="0 to 1.", ge=0, le=1)]
    is_known_customer: Annotated[bool, Field(description="False for a customer without orders.")]
    is_known_product: Annotated[bool, Field(description="False for a product never ordered, shown or listed.")]
    because: NotRequired[Because]


class CtrAnswer(Answer):
    """One entry an ad, in the order asked."""

    impressions: list[ImpressionScore]


def answer(live: Live, request: AdsForOne | Pairs, asked: Asked) -> dict[str, Any]:
    """How probably each customer takes what is shown; unknown customers and products get the prior."""
    look = live.look
    rows, is_known_product = _rows(look, request.customer_ids, request.ads)
    answered = score(live, look, "ctr", rows, asked)
    entries = answered.rows()
    for i, (entry, said) in enumerate(zip(entries, answered.said, strict=True)):
        assert said is not None  # every ad has features, if only the request's
        entry["click_probability"] = said["click_probability"]
        entry["is_known_customer"] = rows.is_known[i]
        entry["is_known_product"] = is_known_product[i]
    if request.explain:
        for i, because in reasons(answered, rows, ctr.explain).items():
            entries[i]["because"] = because
    return {**look.head(asked.request_id), "impressions": entries}


def _rows(look: Look, customer_ids: Sequence[str], ads: Sequence[Ad]) -> tuple[Rows, list[bool]]:
    """Everything known of each customer with each ad, and which products are known."""
    profiles, nothing = look.profiles, look.nothing
    keys = look.pseudonyms(customer_ids)
    distinct = dict.fromkeys(keys)
    customers = dict(zip(distinct, profiles.rows("customers", [(key,) for key in distinct]), strict=True))
    products = profiles.rows("products", [(ad.product_id,) for ad in ads])
    category_at = profiles.columns["products"].index("category")
    categories = [None if product is None else cast(str | None, product[category_at]) for product in products]
    with_product = profiles.rows("customer_product", [(k, ad.product_id) for k, ad in zip(keys, ads, strict=True)])
    wanted: list[tuple[str, str | None]] = list(
        dict.fromkeys((k, c) for k, c in zip(keys, categories, strict=True) if c is not None)
    )
    with_category = dict(zip(wanted, profiles.rows("customer_category", wanted), strict=True))
    features = [
        (
            *(ad.channel, ad.placement),
            *(product or nothing["products"]),
            *(customers[key] or nothing["customers"]),
            *(pair or nothing["customer_product"]),
            *(with_category.get((key, category)) or nothing["customer_category"]),
        )
        for key, ad, product, pair, category in zip(keys, ads, products, with_product, categories, strict=True)
    ]
    is_known = [customers[key] is not None for key in keys]
    shown = [(ad.product_id, ad.channel, ad.placement) for ad in ads]
    return Rows(customer_ids, keys, look.ad_columns, features, is_known, shown), [
        product is not None for product in products
    ]


def _is_quick(request: AdsForOne | Pairs) -> bool:
    return not request.explain and len(request.ads) <= FEW_ADS


ENDPOINT = Endpoint(
    "POST",
    "/ctr",
    "score",
    TypeAdapter(CtrAnswer),
    answer,
    TypeAdapter(CtrRequest),
    {
        "one": {"customer_id": "1", "ads": [{"product_id": "1029743", "channel": "mailer"}]},
        "many": {"impressions": [{"customer_id": "1", "product_id": "1029743", "placement": "display 0, mailer A"}]},
    },
    models={"ctr": ctr.scorer},
    is_quick=_is_quick,
)
