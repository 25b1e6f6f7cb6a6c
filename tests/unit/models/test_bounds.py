"""Parameters out of bounds are refused by name, with the value and what it may be."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest

from infra.settings import Settings
from models import churn, clv, ctr, propensity, segmentation
from models.boosting import constraints
from models.bounds import BOUNDS, ORDERED
from models.catalog import MODELS
from models.encoding import Encoder
from models.errors import BadParameter

ALL = {"propensity": propensity.Params, **{name: entry.model.Params for name, entry in MODELS.items()}}
COMPUTED = {"repair"}  # nobody gives it: earlier windows do


@pytest.mark.parametrize("name", ALL)
def test_every_parameter_of_every_model_has_bounds(name):
    assert {field.name for field in fields(ALL[name])} - COMPUTED <= set(BOUNDS)


def test_every_bound_is_of_a_parameter_that_there_is():
    names = {field.name for params in ALL.values() for field in fields(params)}
    assert set(BOUNDS) | {name for pair in ORDERED for name in pair} <= names


@pytest.mark.parametrize(
    ("params", "name", "value", "allowed"),
    [
        (churn.Params, "horizon_days", 200_000, "a whole number from 1 to 730"),
        (clv.Params, "horizon_days", 0, "a whole number from 1 to 730"),
        (churn.Params, "horizon_days", math.nan, "a whole number from 1 to 730"),
        (churn.Params, "horizon_days", 56.0, "a whole number from 1 to 730"),
        (churn.Params, "horizon_days", "56", "a whole number from 1 to 730"),
        (ctr.Params, "rounds", 0, "a whole number from 1 to 10,000"),
        (ctr.Params, "rounds", True, "a whole number from 1 to 10,000"),
        (clv.Params, "learning_rate", math.nan, "a number above 0 and at most 1"),
        (clv.Params, "learning_rate", 0.0, "a number above 0 and at most 1"),
        (propensity.Params, "leaves", 1, "a whole number from 2 to 131,072"),
        (propensity.Params, "inverse_penalty", 0, "a number above 0 and at most 1e+06"),
        (propensity.Params, "inverse_penalties", (0.1, -1.0), "a tuple, each a number above 0 and at most 1e+06"),
        (propensity.Params, "inverse_penalties", (), "a tuple, each a number above 0 and at most 1e+06"),
        (churn.Params, "boosting_shares", (2.0,), "a tuple, each a number at least 0 and at most 1"),
        (churn.Params, "boosting_shares", 0.5, "a tuple, each a number at least 0 and at most 1"),
        (churn.Params, "boosting_share", math.nan, "a number at least 0 and at most 1"),
        (churn.Params, "lapsed_chance", math.nan, "a number above 0 and below 1"),
        (churn.Params, "lapsed_chance", 1.0, "a number above 0 and below 1"),
        (churn.Params, "high_risk", -1, "a number above 0 and at most 1,000"),
        (churn.Params, "imbalance", "nonsense", "one of none, class_weights, smote"),
        (churn.Params, "imputation", "nonsense", "one of mean, knn"),
        (churn.Params, "increasing", "orders_28d", "a tuple of names"),
        (churn.Params, "ridge", math.inf, "a number at least 0 and at most 1e+06"),
        (segmentation.Params, "seed", -1, "a whole number from 0 to 2,147,483,647"),
        (segmentation.Params, "seed", 2**40, "a whole number from 0 to 2,147,483,647"),
    ],
)
def test_what_is_out_of_bounds_is_named_with_what_it_may_be(params, name, value, allowed):
    with pytest.raises(BadParameter) as refusal:
        params(**{name: value})
    assert str(refusal.value) == f"parameter '{name}' is {value!r}, and must be {allowed}"


@pytest.mark.parametrize(
    "given",
    [
        {"horizon_days": np.int64(28)},
        {"learning_rate": 1},
        {"learning_rate": np.float64(0.05)},
        {"boosting_shares": (0, 1)},
        {"row_share": 1.0},
        {"earlier_windows": 0},
        {"seed": 0},
        {"seed": 2**31 - 1},
        {"imbalance": "smote"},
    ],
)
def test_ends_that_belong_to_them_are_allowed(given):
    assert replace(churn.Params(), **given)


def test_bounds_that_cross_are_refused():
    with pytest.raises(BadParameter, match=r"'medium_risk' is 5.0, and must be not more than high_risk \(4.0\)"):
        churn.Params(medium_risk=5.0)
    with pytest.raises(BadParameter, match=r"'min_clusters' is 9, and must be not more than max_clusters \(8\)"):
        segmentation.Params(min_clusters=9)


@pytest.mark.parametrize(
    ("setting", "params"), [("churn_horizon_days", churn.Params), ("clv_horizon_days", clv.Params)]
)
@pytest.mark.parametrize("days", [7, 730])
def test_what_settings_allow_parameters_allow(setting, params, days):
    settings = Settings(**{setting: days}, seed=2**31 - 1)
    assert params(horizon_days=getattr(settings, setting), seed=settings.seed)


@pytest.mark.parametrize(
    ("increasing", "decreasing", "message"),
    [
        (("no such",), (), "'increasing' .* 'no such' is none$"),
        ((), ("spend",), r"'decreasing' .* 'spend' is none \(did you mean 'spent'\?\)"),
        (("region",), (), "'region' is none"),
        (("spent", "visits"), ("spent",), "without what is decreasing: spent"),
    ],
)
def test_only_features_that_are_numbers_go_one_way_and_only_one(increasing, decreasing, message):
    encoder = Encoder(numeric=("spent", "visits"), categories={"region": ("north",)})
    assert constraints(encoder, ("visits",), ("spent",)) == [-1, 1, 0]
    with pytest.raises(BadParameter, match=message):
        constraints(encoder, increasing, decreasing)
