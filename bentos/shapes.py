"""What all requests and answers have in common."""

from typing import Annotated, TypeVar

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T", bound=BaseModel)

CustomerId = Annotated[
    str, Field(min_length=1, max_length=200, description="The company's own customer id.", examples=["1029"])
]
CustomerIds = Annotated[list[CustomerId], Field(min_length=1, max_length=1000)]


class Answer(BaseModel):
    """Which version said so, knowing the world up to when."""

    model_config = ConfigDict(protected_namespaces=())

    model: str = Field(description="Tag of the model version that answered.", examples=["ctr:20180102t000000-1a2b3c4d"])
    as_of: str = Field(description="The instant (UTC) the customers' features were known at.")


def one_each(shape: type[T], customers: pd.DataFrame, predicted: pd.DataFrame) -> list[T]:
    """A ``shape`` for each of the customers, in order; whoever is not among the predicted is not ``is_known``."""
    found = predicted.astype(object).where(predicted.notna(), None).to_dict("index")
    return [
        shape(is_known=row in found, **{str(name): value for name, value in found.get(row, {}).items()})
        for row in customers.index
    ]
