"""What training returns, the same for every model."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Fitted:
    """A trained model with all that must travel with it.

    ``reference`` is a bounded sample of training rows, features only: what later data is compared
    with. ``notes`` are choices made while training, in words or numbers.
    """

    model: Any
    features: tuple[str, ...]
    reference: pd.DataFrame
    notes: dict[str, Any] = field(default_factory=dict)
