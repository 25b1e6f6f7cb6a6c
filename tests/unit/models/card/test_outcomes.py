"""What every model of the catalogue that gives outcomes or members promises."""

import numpy as np
import pytest

from models.card.content import GivesOutcomes, GivesSegments
from models.metrics import weighted_auc


def test_outcomes_are_what_the_metrics_are_computed_from(sample, fitted):
    if not isinstance(sample.model, GivesOutcomes):
        pytest.skip("gives none")
    _, later = sample.split(sample.windows[-1])
    outcomes = sample.model.outcomes(fitted, later)
    assert list(outcomes["pseudonym"]) == list(later["pseudonym"])
    assert {"snapshot_at", "actual", "predicted", "weight"} <= set(outcomes)
    predicted = sample.predict(fitted, later).iloc[:, 0].to_numpy(dtype=float)
    assert np.array_equal(outcomes["predicted"], predicted)
    if sample.entry.headline == "auc":
        if "sampling_weight" in later:
            assert list(outcomes["weight"]) == list(later["sampling_weight"])
        auc = weighted_auc(outcomes["actual"], outcomes["predicted"])(outcomes["weight"])
        baseline = weighted_auc(outcomes["actual"], outcomes["baseline"])(outcomes["weight"])
        measured = sample.model.evaluate(fitted, later, sample.params)
        assert auc == pytest.approx(measured["auc"].value)
        assert baseline == pytest.approx(measured["baseline_auc"].value)


def test_members_are_all_customers_in_their_segments(sample, fitted):
    if not isinstance(sample.model, GivesSegments):
        pytest.skip("has none")
    _, later = sample.split(sample.windows[-1])
    members = sample.model.members(fitted, later)
    assert list(members["segment"]) == list(sample.predict(fitted, later)["segment"])
    assert "pseudonym" not in members
