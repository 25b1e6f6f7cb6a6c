"""What is ordinary for each model of the catalogue, learned from small worlds."""

import json

import pandas as pd
import pytest

from flows.thresholds import learn, performance_of, slice_of, threshold_of
from infra.sections import Drift
from models.backtest import backtest
from tests.unit.models.conftest import SAMPLES


@pytest.mark.parametrize("name", ["ctr", "segmentation"])
def test_a_report_holds_importances_and_thresholds_as_json(name: str) -> None:
    sample = SAMPLES[name]()
    result = backtest(sample.model, sample.frame, sample.as_of, sample.params)
    known = json.loads(json.dumps(learn(sample.entry, sample.frame, result, Drift(resamples=100), seed=1)))
    assert sum(known["importances"].values()) == pytest.approx(1)
    assert "null" not in json.dumps(known)  # BentoML refuses a version with such metadata
    if "why_none" in known:
        assert "weeks to learn from" in known["why_none"]
        assert threshold_of(known, "data") is None
        return
    for kind in ("data", "prediction"):
        found = threshold_of(known, kind)
        assert found is not None
        assert 0 < found.typical <= found.clear <= found.alarm
        assert (found.resamples, found.seed, found.weeks) == (100, 1, known["weeks"])
    usual = performance_of(known)
    assert (usual is not None) == (name == "ctr")


def test_outcomes_are_looked_at_by_the_category_that_matters_most() -> None:
    reference = pd.DataFrame({"amount": [1.0], "channel": ["mailer"], "department": ["dairy"]})
    assert slice_of(reference, {"amount": 0.9, "channel": 0.04, "department": 0.06}) == "department"
    assert slice_of(reference, {"amount": 1.0}) is None
    assert slice_of(reference[["amount"]], {"amount": 1.0}) is None
