"""The report of a replay: it stands alone, says whatever came out, and shows what data say as text."""

import pandas as pd
from visit_examples import visits

from models.replay.content import Check, Look, Reaction, Reign, Story, Trained, Trial, Turn
from models.replay.page import render
from models.replay.picks import ASSUMPTION
from models.replay.policies import by_block, gains


def at(day: str) -> pd.Timestamp:
    return pd.Timestamp(f"2017-{day}")


def turn(number: int, day: str, *trained: Trained) -> Turn:
    return Turn(
        number,
        at(day),
        f"c{number}",
        "100 placements asked",
        100,
        10,
        5000,
        1e-16,
        {"cycle": 60.0},
        ["freshness.orders: <old>"],
        trained,
    )


CTR = Trained("ctr", "ctr:20170507t000000-1", "AUC", "auc", 0.94, 0.93, 0.95, 0.93)
NEXT = Trained("ctr", "ctr:20170604t000000-1", "AUC", "auc", 0.94, 0.93, 0.95, 0.93, "experiment", "surely better")
NONE = Trained("clv", None, "skipped: trainable from 2017-08-11 at the earliest")


def story(**parts: object) -> Story:
    frame = visits({"loop": 0.5, "never": 1.0, "always": 0.2})
    looks = [
        Look(at("06-05"), "raise", 0.05, "scored in the shadow"),
        Look(at("06-12"), "stay", None, "too early", 0.001, -0.01, 0.012),
        Look(at("06-19"), "promote", None, "surely better", 0.008, 0.002, 0.014),
    ]
    whole: dict[str, object] = {
        "plan": {
            "name": "may",
            "first": "2017-05-07",
            "last": "2017-07-02",
            "every_days": 28,
            "source": "x",
            "injections": [],
        },
        "turns": [turn(0, "05-07", CTR, NONE), turn(1, "06-04", NEXT, NONE)],
        "reigns": [
            Reign("ctr", "ctr:20170507t000000-1", at("05-07"), at("06-19"), "first version"),
            Reign("ctr", "ctr:20170604t000000-1", at("06-19"), at("07-02"), "experiment 1"),
        ],
        "trials": [
            Trial(
                1,
                "ctr",
                "ctr:20170507t000000-1",
                "ctr:20170604t000000-1",
                at("06-04"),
                at("06-19"),
                "surely better",
                [(0.0, at("06-04")), (0.05, at("06-05"))],
                "click_rate",
                looks,
            )
        ],
        "checks": [Check("ctr", "data", at("06-04"), False, 0.3, 0.1, "<script>alert(1)</script>")],
        "reactions": [],
        "gains": gains(frame, seed=1),
        "blocks": by_block(frame),
        "assumption": ASSUMPTION,
        "ends": at("07-02"),
    }
    return Story(**(whole | parts))  # type: ignore[arg-type]


def test_it_stands_alone_and_escapes_what_comes_from_data() -> None:
    page = render(story())
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "src=" not in page
    assert "url(http" not in page


def test_it_says_what_the_loop_lost_as_plainly_as_what_it_won() -> None:
    page = render(story())
    assert "the loop is better" in page
    assert "the loop is worse" in page
    assert ASSUMPTION in page


def test_every_picture_is_there() -> None:
    page = render(story())
    for name in ("life-title", "trial-1-title", "policies-title"):
        assert f'id="{name}"' in page
    assert "trainable from 2017-08-11" in page


def test_without_impressions_it_says_why_there_is_nothing_to_compare() -> None:
    page = render(story(gains=[], blocks=pd.DataFrame(), trials=[]))
    assert "there is nothing to compare" in page
    assert "no candidate passed its gate" in page


def test_a_planted_change_has_its_times() -> None:
    reaction = Reaction(
        "concept", at("06-01"), {"a check fails": (at("06-04"), "ctr data"), "retraining is asked for": None}
    )
    page = render(story(reactions=[reaction]))
    assert "concept from 2017-06-01 on" in page
    assert "not within the replay" in page
