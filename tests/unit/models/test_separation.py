"""How far groups differ, and whether they do at all."""

import numpy as np
import pytest
from scipy.stats import rankdata, ttest_ind

from models.separation import difference_tests, equal_groups, eta_squared

ALIKE = {"anova_p": 1.0, "welch_p": 1.0, "kruskal_p": 1.0, "epsilon_squared": 0.0}


@pytest.mark.parametrize(
    ("outcome", "group", "share"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], 0.8),  # means 1.5 and 3.5 around 2.5: 4 · 1² of 2 · 1.5² + 2 · 0.5² = 5
        ([1, 1, 5, 5], [0, 0, 1, 1], 1.0),
        ([1, 5, 1, 5], [0, 0, 1, 1], 0.0),
        ([0, 0, 12], [7, 7, 3], 1.0),
        ([1, 1, 4, 6], [0, 0, 0, 1], 12 / 18),  # means 2 and 6 around 3: 3 · 1² + 3² of 4 + 4 + 1 + 9
        ([1, 2, 3, 4], [0, 0, 0, 0], 0.0),
        ([3, 3, 3, 3], [0, 0, 1, 1], 0.0),  # nothing varies, nothing is explained
    ],
)
def test_eta_squared_is_the_share_of_variance_between_groups(outcome, group, share):
    assert eta_squared(np.array(outcome, dtype=float), np.array(group))(np.ones(len(outcome))) == pytest.approx(share)


def test_a_row_of_weight_two_counts_as_two_and_one_of_weight_none_as_none():
    outcome, group = np.array([1.0, 2, 3, 4, 99]), np.array(["a", "a", "b", "b", "c"])
    weighted = eta_squared(outcome, group)(np.array([2, 1, 1, 1, 0]))
    assert weighted == pytest.approx(eta_squared(np.array([1.0, 1, 2, 3, 4]), list("aaabb"))(np.ones(5)))


def test_three_groups_of_a_textbook():
    outcome, group = np.array([1.0, 2, 3, 2, 3, 4, 5, 6, 7]), np.repeat([0, 1, 2], 3)
    found = difference_tests(outcome, group)
    # between 26 / 2, within 6 / 6: F(2, 6) = 13; sums of ranks 8, 13, 24: H = 5.956, for ties over 1 - 12 / 720
    assert found["anova_p"] == pytest.approx(0.0066, abs=5e-5)
    assert found["epsilon_squared"] == pytest.approx(5.956 / (1 - 12 / 720) / 8, abs=1e-3)
    assert 0.04 < found["kruskal_p"] < 0.06


def test_welch_of_two_groups_is_his_t_test():
    random = np.random.default_rng(1)
    few, many = random.normal(0, 1, 30), random.normal(0.5, 5, 90)
    found = difference_tests(np.concatenate([few, many]), np.repeat([0, 1], [30, 90]))
    assert found["welch_p"] == pytest.approx(ttest_ind(few, many, equal_var=False).pvalue)


@pytest.mark.parametrize(
    ("outcome", "group"), [([], []), ([1, 2, 3], [0, 0, 0]), ([5, 5, 5, 5], [0, 0, 1, 1]), ([1, 2, 3], [0, 1, 2])]
)
def test_where_nothing_can_differ_nothing_is_found(outcome, group):
    assert difference_tests(np.array(outcome, dtype=float), np.array(group)) == ALIKE


def test_epsilon_squared_is_eta_squared_of_the_ranks_ties_included():
    """So segmentation takes its interval from weights."""
    rng = np.random.default_rng(1)
    group, outcome = rng.integers(0, 4, 200), rng.integers(0, 9, 200).astype(float) ** 2
    outcome[group == 1] += 5
    found = difference_tests(outcome, group)["epsilon_squared"]
    assert found == pytest.approx(eta_squared(rankdata(outcome), group)(np.ones(200)))
    assert found > 0.02


@pytest.mark.parametrize(
    ("values", "groups"),
    [
        ([5, 1, 4, 2, 3, 6], [2, 0, 1, 0, 1, 2]),
        ([1, 1, 1, 1], [1, 1, 1, 1]),  # equal values stay together
        ([0, 0, 0, 9], [1, 1, 1, 2]),
        ([np.nan, 3, 2, 1], [0, 2, 1, 1]),
    ],
)
def test_customers_are_cut_into_groups_of_equal_size(values, groups):
    assert equal_groups(np.array(values, dtype=float), 3).tolist() == groups
