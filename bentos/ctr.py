"""Click probabilities of what might be shown to customers."""

from typing import Annotated

import bentoml
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from bentos.gate import guard
from bentos.live import Live
from bentos.shapes import Answer, CustomerId
from infra.profiles.frames import ad_features
from models import ctr


class Impression(BaseModel):
    """Something that might be shown; channel and placement mean what they mean in the impressions log."""

    model_config = ConfigDict(extra="forbid")

    customer_id: CustomerId
    product_id: str = Field(max_length=200, examples=["1029743"])
    channel: str | None = Field(default=None, max_length=200, examples=["mailer"])
    placement: str | None = Field(default=None, max_length=200, examples=["display 0, mailer A"])


class CtrAnswer(Answer):
    click_probability: list[float] = Field(description="One per impression asked for, in the same order; 0 to 1.")
    because: list[list[str]] | None = Field(
        default=None, description="If asked to explain: the strongest reasons for each, in words."
    )


class CtrApi:
    """Mixed into the service of its own and into the front door."""

    live: Live

    @bentoml.api
    def ctr(
        self, impressions: Annotated[list[Impression], Field(min_length=1, max_length=1000)], explain: bool = False
    ) -> CtrAnswer:
        """How probably each customer takes what is shown; unknown customers and products get the prior."""
        tag, fitted = self.live.model("ctr")
        look = self.live.look
        contexts = pd.DataFrame([impression.model_dump() for impression in impressions])
        contexts["pseudonym"] = contexts.pop("customer_id").map(look.keys.pseudonymise)
        features = ad_features(look.profiles, contexts)
        return CtrAnswer(
            model=tag,
            as_of=look.profiles.as_of,
            click_probability=ctr.predict(fitted, features)["click_probability"].tolist(),
            because=ctr.explain(fitted, features) if explain else None,
        )


@bentoml.service(name="ctr")
class Ctr(CtrApi):
    def __init__(self) -> None:
        self.live = Live.open(("ctr",))


guard(Ctr)
