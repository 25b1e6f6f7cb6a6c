"""What all requests and answers have in common."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

CustomerId = Annotated[
    str, Field(min_length=1, max_length=200, description="The company's own customer id.", examples=["1029"])
]
CustomerIds = Annotated[list[CustomerId], Field(min_length=1, max_length=1000)]


class Answer(BaseModel):
    """Which version said so, knowing the world up to when."""

    model_config = ConfigDict(protected_namespaces=())

    model: str = Field(description="Tag of the model version that answered.", examples=["ctr:20180102t000000-1a2b3c4d"])
    as_of: str = Field(description="The instant (UTC) the customers' features were known at.")


def refuse_unknown_fields(service: Any) -> None:
    """Let a request with a field that no endpoint of the service knows be refused: a misspelt one is not left out."""
    for api in service.apis.values():
        api.input_spec.model_config["extra"] = "forbid"
        api.input_spec.model_rebuild(force=True)
