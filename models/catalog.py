"""The models there are. Adding one is a file of the same shape and an entry here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from infra.contracts import ChurnExamples, ClvExamples, Contract, CustomerFeatures, ImpressionFeatures
from models import churn, clv, ctr, segmentation
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
    that says when that was known.
    """

    model: Model
    table: str
    contract: type[Contract]
    brought_as: str
    headline: str
    baseline: str
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
        "churn_probability",
        "churned",
    ),
    "clv": Entry(
        cast(Model, clv), "clv_examples", ClvExamples, "orders", "r2", "baseline_r2", "expected_revenue", "revenue"
    ),
}


def params(name: str, **settings: Any) -> Any:
    """The model's parameters; settings that are not its own are refused."""
    return MODELS[name].model.Params(**settings)
