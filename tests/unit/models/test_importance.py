"""Importances of every model of the catalogue, from what it says alone."""

import numpy as np
import pandas as pd
import pytest

from models import catalog
from models.fitted import Fitted
from models.importance import importances, said
from tests.unit.models.conftest import Sample


class Additive:
    """Says twice ``a`` and ``b`` once; ``c`` is known and not used."""

    @staticmethod
    def predict(fitted: Fitted, frame: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"score": -np.expm1(-np.zeros(len(frame))) + 2 * frame["a"] + frame["b"]})


FITTED = Fitted(None, ("a", "b", "c"), pd.DataFrame())


def test_importance_is_the_share_of_change_that_dealing_values_brings() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({name: np.expm1(rng.uniform(0, 0.01, 2_000)) for name in "abc"})
    found = importances(Additive, FITTED, frame, "score", 1)  # type: ignore[arg-type]
    assert sum(found.values()) == pytest.approx(1)
    assert found["a"] == pytest.approx(2 / 3, abs=0.03)
    assert found["c"] == 0


def test_where_nothing_matters_all_matter_alike() -> None:
    frame = pd.DataFrame({name: [1.0, 1.0] for name in "abc"})
    assert importances(Additive, FITTED, frame, "score", 1) == dict.fromkeys("abc", 1 / 3)  # type: ignore[arg-type]


def test_every_model_has_importances_that_sum_to_one(sample: Sample, fitted: Fitted) -> None:
    past, _ = sample.split(sample.windows[-1])
    entry = catalog.MODELS[sample.name]
    found = importances(entry.model, fitted, past, entry.says, 1)
    assert set(found) == set(fitted.features)
    assert sum(found.values()) == pytest.approx(1)
    assert min(found.values()) >= 0
    assert len(said(entry.model, fitted, past, entry.says)) == len(past)
