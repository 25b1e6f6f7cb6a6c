"""What clusters are called, and how they keep ids and names from version to version."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from models import segmentation
from models.segment_names import STRATEGIES, matched, rfm, rule_names, strategy
from models.segmentation import Params


@pytest.mark.parametrize(
    ("centroids", "names"),
    [
        ([(-1, 1, 1)], ["important value"]),
        ([(-1, -1, 1)], ["important development"]),
        ([(1, 1, 1)], ["important retention"]),
        ([(1, -1, 1)], ["important win-back"]),
        ([(-1, 1, -1)], ["general value"]),
        ([(-1, -1, -1)], ["general development"]),
        ([(1, 1, -1)], ["general retention"]),
        ([(1, -1, -1)], ["general win-back"]),
        ([(0, 0, 0)], ["general win-back"]),  # the average customer is above it nowhere
        ([(-1, 1, 0.5), (1, -1, -1), (-1, 1, 2)], ["general value", "general win-back", "important value"]),
        # all silent, seldom and little: the one silent for the shortest time is not the one to win back
        ([(2, -1, -1), (0.1, -0.5, -0.5)], ["general win-back", "general development"]),
    ],
)
def test_clusters_are_named_by_the_side_of_the_average_they_lie_on(centroids, names):
    assert rule_names(np.array(centroids, dtype=float)) == names


def test_no_two_clusters_share_a_name():
    for clusters, seed in product([2, 5, 20], range(10)):
        names = rule_names(np.random.default_rng(seed).normal(size=(clusters, 3)))
        assert len(set(names)) == len(names) == clusters


def test_a_name_that_is_taken_is_not_given_again():
    best = np.array([[-2.0, 1.5, 1]])
    assert rule_names(best, taken=["important value"]) == ["general value"]
    assert rule_names(best, taken=list(STRATEGIES)) == ["important value 2"]
    assert rule_names(best, taken=[*STRATEGIES, "important value 2"]) == ["general value 2"]


def test_rounding_noise_is_no_side():
    """An axis on which nobody differs scales to zeros with noise."""
    assert rule_names(np.array([[1e-16, -1e-15, 1e-16]])) == rule_names(np.zeros((1, 3)))


def test_every_name_has_a_strategy_and_twins_share_it():
    assert strategy("important value 3") == STRATEGIES["important value"]
    for seed in range(20):
        for name in rule_names(np.random.default_rng(seed).normal(size=(8, 4))):
            assert strategy(name)


def test_clusters_are_matched_to_the_nearest_whatever_their_order():
    before = np.array([[0.0, 0], [10, 0], [0, 10]])
    assert matched(np.array([[0.5, 9], [0, 1], [9, 1.0]]), before) == {0: 2, 1: 0, 2: 1}


def test_what_is_nearest_to_each_other_is_matched_whatever_the_others_do():
    """The assignment of least total distance would part 4 from 7, to bring 11 somewhere."""
    assert matched(np.array([[4.0], [11]]), np.array([[0.0], [7]])) == {0: 1}


def test_what_has_split_is_matched_once_and_the_rest_is_new():
    before = np.array([[0.0, 0], [10, 0]])
    assert matched(np.array([[0.0, 0.2], [10, 0.1], [10, 3]]), before) == {0: 0, 1: 1}


def test_scores_are_told_in_the_order_recency_frequency_monetary_value():
    scores = pd.DataFrame({"monetary_score": [5, 1], "recency_score": [3, 2], "frequency_score": [4, 1]}, index=[7, 9])
    assert rfm(scores).to_dict() == {7: "345", 9: "211"}
    assert rfm(scores.head(0)).empty


# ── versions that follow the champion ─────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def champion(customers):
    return segmentation.train(customers, Params(max_clusters=5, reference_rows=50))


def test_the_same_customers_keep_their_segments_under_another_seed(customers, champion):
    other = segmentation.train(customers, Params(max_clusters=5, reference_rows=50, seed=99))
    following = segmentation.follow(other, champion)
    before, after = segmentation.predict(champion, customers), segmentation.predict(following, customers)
    assert (before["segment"] == after["segment"]).mean() > 0.9
    assert (before["segment_id"] == after["segment_id"]).mean() > 0.9
    assert set(following.notes["sizes"]) == set(following.model.names)
    assert sum(following.notes["sizes"].values()) == len(customers)


def test_a_segment_that_is_new_gets_an_id_that_never_was(customers, champion):
    strangers = customers.assign(amount_84d=customers["amount_84d"] * 1e4, orders_84d=0, days_since_last_order=80.0)
    following = segmentation.follow(segmentation.train(strangers, Params(max_clusters=5, reference_rows=50)), champion)
    new = set(following.model.ids) - set(champion.model.ids)
    assert all(id_ >= champion.model.next_id for id_ in new)
    assert following.model.next_id == champion.model.next_id + len(new)
    assert len(set(following.model.names)) == len(following.model.names)
