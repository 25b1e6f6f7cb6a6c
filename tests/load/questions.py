"""What applications ask the services, in the mix in which a shop would ask it."""

import random
import uuid
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.load.traffic import Shown

WEIGHTS: Mapping[str, int] = {
    "ctr, one ad": 60,
    "ctr, 100 ads": 10,
    "segment": 8,
    "churn": 6,
    "clv": 6,
    "churn, 50": 5,
    "profile": 2,
    "plan": 1,
    "outcomes": 2,
}
STRANGERS = 0.02  # customers of whom nothing is known
MODELS = {"segment": "segmentation", "ctr": "ctr", "churn": "churn", "clv": "clv"}  # endpoint → model


@dataclass(frozen=True)
class Question:
    """One request, and whom each row of its answer is about."""

    kind: str
    method: str
    path: str
    body: Mapping[str, Any] | None
    customers: tuple[str, ...] = ()

    @property
    def model(self) -> str | None:
        """Whose version answers; None where no model does."""
        return MODELS.get(self.path.removeprefix("/"))


def one_ad(shown: Shown) -> Question:
    return ads("ctr, one ad", shown.customer_id, [shown])


def ads(kind: str, customer_id: str, shown: Sequence[Shown]) -> Question:
    """How probably one customer takes each of many ads."""
    asked = [{"product_id": s.product_id, "channel": s.channel, "placement": s.placement} for s in shown]
    return Question(kind, "POST", "/ctr", {"customer_id": customer_id, "ads": asked}, (customer_id,) * len(asked))


def customer(kind: str, path: str, customer_id: str) -> Question:
    return Question(kind, "POST", path, {"customer_id": customer_id}, (customer_id,))


def is_stranger(customer_id: str) -> bool:
    return customer_id.startswith("stranger-")


class Questions:
    """An endless mix about customers, products and placements as they were drawn, a few strangers among them.

    ``models`` are those that have a champion: the others are not asked.
    """

    def __init__(self, shown: Sequence[Shown], models: Collection[str], seed: int) -> None:
        asked = {kind: weight for kind, weight in WEIGHTS.items() if _model_of(kind) in {None, *models}}
        self._kinds, self._weights = list(asked), list(asked.values())
        self._shown = shown
        self._random = random.Random(seed)
        self._predictions: deque[str] = deque(maxlen=1_000)

    def next(self) -> Question:
        kind = self._random.choices(self._kinds, self._weights)[0]
        if kind == "outcomes" and not self._predictions:
            kind = "plan"
        return self._ask(kind)

    def answered(self, prediction_ids: Sequence[str]) -> None:
        """Outcomes will be reported of some of these."""
        self._predictions.extend(prediction_ids[:1])

    def _ask(self, kind: str) -> Question:
        if kind == "ctr, one ad":
            shown = self._random.choice(self._shown)
            return one_ad(shown._replace(customer_id=self._customer()) if self._random.random() < STRANGERS else shown)
        if kind == "ctr, 100 ads":
            return ads(kind, self._customer(), self._random.choices(self._shown, k=100))
        if kind == "churn, 50":
            customers = tuple(self._customer() for _ in range(50))
            return Question(kind, "POST", "/churn", {"customer_ids": customers}, customers)
        if kind == "plan":
            return Question(kind, "GET", "/plan", None)
        if kind == "outcomes":
            return Question(kind, "POST", "/outcomes", {"outcomes": [self._outcome()]})
        return customer(kind, f"/{kind}", self._customer())

    def _customer(self) -> str:
        if self._random.random() < STRANGERS:
            return f"stranger-{self._random.randrange(1_000_000)}"
        return self._random.choice(self._shown).customer_id

    def _outcome(self) -> dict[str, Any]:
        return {
            "outcome_id": uuid.uuid4().hex,
            "prediction_id": self._random.choice(self._predictions),
            "kind": self._random.choice(("shown", "clicked")),
            "occurred_at": datetime.now(UTC).isoformat(),
        }


def _model_of(kind: str) -> str | None:
    return MODELS.get(kind.split(",")[0])
