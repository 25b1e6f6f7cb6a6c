"""What versions are compared by: every model's outcomes on the same rows; segments by what their others spend."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.comparison import told_by_others
from models.separation import eta_squared


def test_each_row_is_told_by_the_others_of_its_group():
    assert told_by_others(np.array([1.0, 3.0, 8.0, 5.0]), np.array(["a", "a", "b", "a"])).tolist() == [
        *(4.0, 3.0),
        3.0,  # alone: the mean of everybody else
        2.0,
    ]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1_000))
def test_groups_dealt_by_chance_explain_nothing_however_many(seed):
    """Eta² itself says that they do: (groups - 1) / (rows - 1) of the variance."""
    rng = np.random.default_rng(seed)
    spend, group = rng.gamma(2, 10, 600), rng.integers(0, 30, 600)
    explained = 1 - np.mean((spend - told_by_others(spend, group)) ** 2) / spend.var()
    assert explained < 0.05
    assert eta_squared(spend, group)(np.ones(600)) > explained


def test_every_model_says_what_was_expected_and_what_came(sample, fitted):
    _, later = sample.split(sample.windows[-1])
    found = sample.entry.outcomes(fitted, later)
    assert {"pseudonym", "snapshot_at", "actual", "predicted", "weight"} <= set(found)
    assert len(found) == len(later)
    assert found[["actual", "predicted"]].notna().all(axis=None)
    assert np.corrcoef(found["actual"], found["predicted"])[0, 1] > 0.1
    assert sample.entry.tried in ("by share", "in shadow", "by gate")


def test_a_single_row_is_told_by_nobody():
    assert told_by_others(np.array([7.0]), np.array([1])) == pytest.approx([0.0])
