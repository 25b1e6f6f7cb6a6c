"""Small outcomes frames that can be checked by hand."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.backtest import Backtest, Window
from models.card.content import Card, Facts, describe
from models.card.words import Words
from models.fitted import Fitted
from models.metrics import Metric

AT = pd.Timestamp("2017-09-04")


def outcomes_of(predicted: Any, actual: Any, **columns: Any) -> pd.DataFrame:
    """A row a customer, each of weight 1."""
    frame = pd.DataFrame({"predicted": predicted, "actual": actual}, dtype=float)
    given = {"pseudonym": [f"p{i:05d}" for i in range(len(frame))], "snapshot_at": AT, "weight": 1.0, **columns}
    return frame.assign(**given)


def fair_world(customers: int = 4_000, seed: int = 1) -> pd.DataFrame:
    """Everybody's probability is known and right; half live north, half south.

    Who is positive is drawn systematically along the probabilities, so that little is left to chance.
    """
    rng = np.random.default_rng(seed)
    region = np.repeat(["north", "south"], customers // 2)
    probability = np.concatenate([np.sort(rng.uniform(0.02, 0.6, customers // 2)) for _ in range(2)])
    actual = np.diff(np.floor(probability.cumsum() + rng.random()), prepend=0.0)
    return outcomes_of(probability, actual, region=region)


def attributes_of(outcomes: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """What is known of each customer; what is not given is unknown."""
    unknown = dict.fromkeys(("region", "age_band", "income_band", "household_size", "gender"))
    known = outcomes[["pseudonym", "snapshot_at"]].drop_duplicates()
    return known.assign(**unknown, tenure_days=400.0).assign(**values)


def card_of(later: pd.DataFrame, known: pd.DataFrame, **gives: Any) -> Card:
    """The card of a model that gives just that."""
    facts = Facts(
        tag="coin:20180102t000000-12345678",
        model="coin",
        standing="champion",
        written_at="2018-01-03 10:00",
        as_of="2018-01-02 00:00",
        headline="auc",
        baseline="baseline_auc",
        git_commit="0123456789abcdef",
        environment={"Python": "3.12"},
        parameters={"rounds": 12, "learning_rate": 0.03, **gives.pop("parameters", {})},
        comparison={},
    )
    words = Words(
        title="Coin", what="A coin. It falls.", intended=("tossing",), not_intended=("buying",), limits=("two sides",),
        outcome="heads rate",
    )  # fmt: skip
    fitted = Fitted(None, (), later, gives.pop("notes", {}))
    metrics = {
        "log_loss": Metric(0.4),
        "auc": Metric(0.8, 0.75, 0.85),
        "baseline_auc": Metric(0.7),
        "baseline_log_loss": Metric(0.5),
        **gives.pop("metrics", {}),
    }
    earlier = {"2017-08-07": {"auc": Metric(0.79)}}
    result = Backtest(fitted, None, metrics, earlier, Window(AT, AT + pd.Timedelta(days=56)), later, later)
    model = SimpleNamespace(**{name: lambda *_, given=given: given for name, given in gives.items()})
    return describe(facts, words, model, result, later, known)


@pytest.fixture(scope="session")
def fair() -> pd.DataFrame:
    return fair_world()
