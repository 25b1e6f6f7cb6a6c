import pandas as pd
import pytest

from infra.contracts import ChurnExamples, ClvExamples, CustomerFeatures, ImpressionFeatures
from models import catalog
from models.catalog import MODELS


@pytest.mark.parametrize("name", MODELS)
def test_settings_become_the_parameters_of_the_model(name):
    assert catalog.params(name, seed=7) == MODELS[name].model.Params(seed=7)


@pytest.mark.parametrize("name", MODELS)
def test_settings_of_no_model_are_refused(name):
    with pytest.raises(TypeError, match="no_such_setting"):
        catalog.params(name, no_such_setting=1)


def test_a_setting_of_another_model_is_refused():
    with pytest.raises(TypeError, match="horizon_days"):
        catalog.params("ctr", horizon_days=28)


@pytest.mark.parametrize(
    ("name", "table", "contract"),
    [
        ("segmentation", "customer_features", CustomerFeatures),
        ("ctr", "impression_features", ImpressionFeatures),
        ("churn", "churn_examples", ChurnExamples),
        ("clv", "clv_examples", ClvExamples),
    ],
)
def test_each_model_learns_from_a_mart_of_its_contract(name, table, contract):
    assert (MODELS[name].table, MODELS[name].contract) == (table, contract)


@pytest.mark.parametrize("name", [name for name, entry in MODELS.items() if entry.recent_by])
def test_a_model_that_reads_recent_rows_alone_selects_them_by_a_time_of_its_contract(name):
    entry = MODELS[name]
    assert entry.recent_days is not None
    assert entry.contract.to_schema().columns[entry.recent_by].dtype.type.kind == "M"


def test_the_recent_impressions_reach_back_to_the_first_that_any_window_learns_from():
    as_of, params = pd.Timestamp("2017-12-20"), catalog.params("ctr")
    first, *_ = MODELS["ctr"].model.windows(as_of, params)
    learned_since = first.origin - pd.Timedelta(days=params.train_days)
    assert learned_since == as_of - pd.Timedelta(days=MODELS["ctr"].recent_days)
