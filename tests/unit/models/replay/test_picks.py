"""Worked examples of rewards: who is among ten picks, where untaken placements are a sample."""

import numpy as np
import pandas as pd
import pytest

from models.replay.picks import by_visit, picked_on_average, taken

# score, clicked, weight: one visit
ONE = [(0.9, True, 1.0), (0.8, False, 4.0), (0.7, True, 1.0), (0.6, False, 4.0), (0.5, True, 1.0), (0.4, True, 1.0)]


def columns(rows: list[tuple[float, bool, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    score, clicked, weight = zip(*rows, strict=True)
    return np.array(score), np.array(clicked), np.array(weight)


def reward(rows: list[tuple[float, bool, float]], picks: int = 10) -> list[float]:
    return taken(np.zeros(len(rows), dtype=int), *columns(rows), picks).tolist()


def test_a_sampled_placement_fills_as_many_places_as_it_stands_for() -> None:
    # places before each: 0, 1, 5, 6, 10, 11
    assert reward(ONE) == [1, 0, 1, 0, 0, 0]
    assert reward(ONE, picks=11) == [1, 0, 1, 0, 1, 0]


def test_whoever_says_the_same_of_everything_is_not_rewarded_for_luck() -> None:
    assert reward([(0.5, True, 1.0), (0.5, False, 400.0)]) == [0, 0]


def test_each_visit_has_its_own_ten() -> None:
    visit = np.array([0] * 6 + [7] * 6)
    score, clicked, weight = columns(ONE + ONE)
    assert taken(visit, score, clicked, weight).tolist() == reward(ONE) * 2


def test_rows_may_come_in_any_order() -> None:
    shuffled = np.random.default_rng(1).permutation(12)
    visit = np.array([0] * 6 + [7] * 6)
    score, clicked, weight = columns(ONE + ONE)
    found = taken(visit[shuffled], score[shuffled], clicked[shuffled], weight[shuffled])
    assert found.tolist() == taken(visit, score, clicked, weight)[shuffled].tolist()


def test_a_better_order_of_the_same_visit_is_worth_more() -> None:
    _, clicked, weight = columns(ONE)
    best = taken(np.zeros(6, dtype=int), clicked.astype(float), clicked, weight)
    assert best.sum() == 4 > sum(reward(ONE))


def test_ten_on_average_is_one_list_of_all_visits() -> None:
    score, clicked, weight = columns([*ONE, *((s / 10, c, w) for s, c, w in ONE)])
    # two visits, 20 places: all of the first visit (12), then those that begin before 20: at 12, 13, 17, 18
    assert picked_on_average(2, score, clicked, weight).tolist() == [1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 0, 0]


def test_the_list_on_average_estimates_what_a_list_of_everything_gives() -> None:
    """Brute force: all placements known, against a sample of the untaken ones with their weights."""
    random = np.random.default_rng(3)
    visits, each = 300, 400
    truth = random.normal(size=visits * each)
    clicked = random.random(visits * each) < 1 / (1 + np.exp(5 - truth))
    everything = picked_on_average(visits, truth, clicked, np.ones(visits * each)).sum()
    kept = clicked | (random.random(visits * each) < 1 / 40)
    weight = np.where(clicked, 1.0, 40.0)[kept]
    sampled = picked_on_average(visits, truth[kept], clicked[kept], weight).sum()
    assert sampled == pytest.approx(everything, rel=0.05)
    # the plug-in by visit is the longer, softer list that its docstring says it is
    visit = np.repeat(np.arange(visits), each)
    soft = taken(visit[kept], truth[kept], clicked[kept], weight).sum()
    assert soft > 1.2 * taken(visit, truth, clicked, np.ones(visits * each)).sum()


def test_a_row_a_visit() -> None:
    rows = pd.DataFrame(
        {
            "visit": [3, 3, 4],
            "pseudonym": ["a", "a", "b"],
            "shown_at": pd.to_datetime(["2017-06-01", "2017-06-01", "2017-06-02"]),
            "label_known_at": pd.to_datetime(["2017-06-05", "2017-06-05", "2017-06-05"]),
            "clicked": [True, False, True],
            "weight": [1.0, 4.0, 1.0],
        }
    )
    found = by_visit(rows, {"x": np.array([1.0, 0.0, 0.0])}, {"x": np.array([0.5, 0.25, 2.0])})
    assert found["pseudonym"].tolist() == ["a", "b"]
    assert found["rows"].tolist() == [5, 1]
    assert found["clicks"].tolist() == [1, 1]
    assert found["reward_x"].tolist() == [1, 0]
    assert found["loss_x"].tolist() == [0.5 + 4 * 0.25, 2.0]
