"""The models there are. Adding one is a file of the same shape and an entry here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

import pandas as pd

from infra.contracts import ChurnExamples, ClvExamples, Contract, CustomerFeatures, ImpressionFeatures
from models import churn, clv, comparison, ctr, segmentation
from models.backtest import Model
from models.fitted import Fitted
from models.metrics import Loss


@dataclass(frozen=True)
class Entry:
    """A model and what it learns from.

    ``table`` is the mart, ``contract`` its shape, ``brought_as`` the raw table without which it stays
    empty, ``recent_days`` how much of it is needed (by ``recent_by``; None: all of it), ``headline`` the
    metric people are shown first and ``baseline`` the one it is compared with; ``follow`` gives a new version what
    it takes over from the champion. Versions are compared by ``loss`` on what ``outcomes`` says of the same rows,
    and a new one is ``tried`` by a share of the customers, where versions act differently on them; in the shadow, where
    both score every row and the outcomes tell which did better; or by its gate alone, where no outcome could.
    ``says`` is the column of its prediction that counts, ``happens`` the column that says what time a row speaks of,
    ``outcome`` the one of what came of it (None: nothing does) and ``labelled`` the one that says when that was known.
    """

    model: Model
    table: str
    contract: type[Contract]
    brought_as: str
    headline: str
    baseline: str
    loss: Loss
    outcomes: Callable[[Fitted, pd.DataFrame], pd.DataFrame]
    tried: Literal["by share", "in shadow", "by gate"]
    says: str
    outcome: str | None
    labelled: str = "label_ends_at"
    happens: str = "snapshot_at"
    recent_by: str | None = None
    recent_days: int | None = None
    follow: Callable[[Fitted, Fitted], Fitted] | None = None


MODELS: dict[str, Entry] = {
    "segmentation": Entry(
        cast(Model, segmentation),
        table="customer_features",
        contract=CustomerFeatures,
        brought_as="orders",
        headline="eta_squared",
        baseline="baseline_eta_squared",
        loss="squared_error",
        outcomes=comparison.outcomes_of_segments,
        tried="by gate",
        says="segment",
        outcome=None,
        follow=segmentation.follow,
    ),
    "ctr": Entry(
        cast(Model, ctr),
        table="impression_features",
        contract=ImpressionFeatures,
        brought_as="impressions",
        headline="auc",
        baseline="baseline_auc",
        loss="log_loss",
        outcomes=ctr.outcomes,
        tried="by share",
        says="click_probability",
        outcome="clicked",
        labelled="label_known_at",
        happens="shown_at",
        recent_by="shown_at",
        recent_days=294,
    ),
    "churn": Entry(
        cast(Model, churn),
        table="churn_examples",
        contract=ChurnExamples,
        brought_as="orders",
        headline="auc",
        baseline="baseline_auc",
        loss="log_loss",
        outcomes=churn.outcomes,
        tried="in shadow",
        says="churn_probability",
        outcome="churned",
    ),
    "clv": Entry(
        cast(Model, clv),
        table="clv_examples",
        contract=ClvExamples,
        brought_as="orders",
        headline="r2",
        baseline="baseline_r2",
        loss="squared_error",
        outcomes=clv.outcomes,
        tried="in shadow",
        says="expected_revenue",
        outcome="revenue",
    ),
}


def params(name: str, **settings: Any) -> Any:
    """The model's parameters; settings that are not its own are refused."""
    return MODELS[name].model.Params(**settings)
