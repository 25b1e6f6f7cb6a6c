"""The models there are. Adding one is a file of the same shape and an entry here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

import pandas as pd

from infra.contracts import ChurnExamples, ClvExamples, Contract, CustomerFeatures, ImpressionFeatures
from models import churn, clv, comparison, ctr, segmentation
from models.backtest import Model
from models.fitted import Fitted


@dataclass(frozen=True)
class Entry:
    """A model and what it learns from.

    ``table`` is the mart, ``contract`` its shape, ``brought_as`` the raw table without which it stays
    empty, ``recent_days`` how much of it is needed (by ``recent_by``; None: all of it), ``headline`` the
    metric people are shown first and ``baseline`` the one it is compared with; ``follow`` gives a new version what
    it takes over from the champion. ``says`` is the column of its prediction that counts, ``happens`` the column that
    says what time a row speaks of, ``outcome`` the one of what came of it (None: nothing does) and ``labelled`` the one
    that says when that was known. Versions are compared by ``loss`` on what ``outcomes`` says of the same rows, and a
    new one is ``tried`` by a share of the customers, where versions act differently on them; in the shadow, where both
    score every row and the outcomes tell which did better; or by its gate alone, where no outcome could.
    """

    model: Model
    table: str
    contract: type[Contract]
    brought_as: str
    headline: str
    baseline: str
    loss: Literal["log_loss", "squared_error"]
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
        "customer_features",
        CustomerFeatures,
        "orders",
        "eta_squared",
        "baseline_eta_squared",
        "squared_error",
        comparison.outcomes_of_segments,
        "by gate",
        "segment",
        None,
        follow=segmentation.follow,
    ),
    "ctr": Entry(
        cast(Model, ctr),
        "impression_features",
        ImpressionFeatures,
        "impressions",
        "auc",
        "baseline_auc",
        "log_loss",
        ctr.outcomes,
        "by share",
        "click_probability",
        "clicked",
        labelled="label_known_at",
        happens="shown_at",
        recent_by="shown_at",
        recent_days=294,
    ),
    "churn": Entry(
        cast(Model, churn),
        "churn_examples",
        ChurnExamples,
        "orders",
        "auc",
        "baseline_auc",
        "log_loss",
        churn.outcomes,
        "in shadow",
        "churn_probability",
        "churned",
    ),
    "clv": Entry(
        cast(Model, clv),
        "clv_examples",
        ClvExamples,
        "orders",
        "r2",
        "baseline_r2",
        "squared_error",
        clv.outcomes,
        "in shadow",
        "expected_revenue",
        "revenue",
    ),
}


def params(name: str, **settings: Any) -> Any:
    """The model's parameters; settings that are not its own are refused."""
    return MODELS[name].model.Params(**settings)
