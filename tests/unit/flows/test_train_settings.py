"""A model is given those of the cycle's settings that are its parameters."""

from types import SimpleNamespace

import pytest

from flows.train import _settings
from infra.settings import Settings
from models import catalog


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("segmentation", {"seed": 3}),
        ("ctr", {"seed": 3, "imputation": "knn"}),
        ("churn", {"seed": 3, "imputation": "knn", "window_days": 70, "horizon_days": 14}),
        ("clv", {"seed": 3, "horizon_days": 30}),
    ],
)
def test_settings_that_are_parameters_reach_the_model(name, own):
    settings = Settings(seed=3, imputation="knn", churn_window_days=70, churn_horizon_days=14, clv_horizon_days=30)
    given = _settings(SimpleNamespace(door=SimpleNamespace(settings=settings)), name)
    assert given == own
    assert {field: getattr(catalog.params(name, **given), field) for field in own} == own
