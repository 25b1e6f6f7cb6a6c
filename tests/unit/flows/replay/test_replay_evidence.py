"""What is known of an experiment at an instant of the past: only what had arrived by then, in the arm that answered."""

from datetime import datetime

import pandas as pd
import pytest

from flows.replay.evidence import answered, arm_outcomes, failures, visits_of
from infra.experiments import Experiment, Step
from models.replay.picks import PICKS

START, RAISED = datetime(2017, 6, 4), datetime(2017, 6, 8)


def experiment(*steps: Step) -> Experiment:
    share = steps[-1].share
    return Experiment(
        1, "ctr", "ctr:a", "ctr:b", "salt", share, share == 0, steps[0].since, "a try", None, None, tuple(steps)
    )


RAMP = experiment(Step(0.0, START), Step(0.05, datetime(2017, 6, 5)), Step(0.2, RAISED))


def answers(*rows: tuple[int, str, str, str, str, bool, float]) -> pd.DataFrame:
    """Visit, customer, shown at, known at, variant, clicked, value; untaken placements stand for 400."""
    frame = pd.DataFrame(
        rows, columns=["visit", "pseudonym", "shown_at", "label_known_at", "variant", "clicked", "value"]
    )
    frame["shown_at"] = pd.to_datetime(frame["shown_at"])
    frame["label_known_at"] = pd.to_datetime(frame["label_known_at"])
    frame["weight"] = frame["clicked"].map({True: 1.0, False: 400.0})
    frame["version"] = frame["variant"].map({"champion": "ctr:a", "challenger": "ctr:b"})
    return frame.assign(propensity=1.0, failed=False)


DAYS = answers(
    (0, "ann", "2017-06-01", "2017-06-05", "champion", True, 0.9),
    (1, "ann", "2017-06-06", "2017-06-12", "champion", True, 0.9),
    (1, "ann", "2017-06-06", "2017-06-12", "champion", False, 0.1),
    (2, "ann", "2017-06-09", "2017-06-12", "challenger", True, 0.2),
    (2, "ann", "2017-06-09", "2017-06-12", "challenger", False, 0.8),
    (3, "bob", "2017-06-09", "2017-06-19", "champion", False, 0.8),
)


def known(until: str) -> list[tuple[str, int, str, float, float]]:
    found = arm_outcomes(visits_of(DAYS), RAMP, pd.Timestamp(until))
    columns = ["pseudonym", "step", "variant", "units", "reward"]
    return [tuple(row) for row in found[columns].itertuples(index=False)]


def test_outcomes_count_once_they_have_arrived() -> None:
    assert known("2017-06-11") == []
    assert known("2017-06-12") == [("ann", 1, "champion", PICKS, 1.0), ("ann", 2, "challenger", PICKS, 0.0)]


def test_a_customer_who_took_nothing_counts_too() -> None:
    assert ("bob", 2, "champion", PICKS, 0.0) in known("2017-06-19")


def test_the_stretch_before_tells_customers_apart() -> None:
    found = arm_outcomes(visits_of(DAYS), RAMP, pd.Timestamp("2017-06-19")).set_index(["pseudonym", "step"])
    assert found.loc[("ann", 2), "before_units"] == PICKS
    assert found.loc[("ann", 2), "before_reward"] == 1.0
    assert pd.isna(found.loc[("bob", 2), "before_units"])


def test_in_the_shadow_nobody_is_answered_by_the_challenger() -> None:
    shadow = experiment(Step(0.0, START))
    assert arm_outcomes(visits_of(DAYS), shadow, pd.Timestamp("2017-06-19")).empty
    assert failures([DAYS], shadow) == (0, 3)  # asked at every visit since it began


def test_failures_are_counted_among_what_the_challenger_was_asked() -> None:
    assert failures([DAYS], RAMP) == (0, 1)
    stood_in = DAYS.assign(failed=[False, False, False, True, True, False])
    assert failures([stood_in], RAMP) == (1, 1)  # a visit is a request, whose rows fail together
    assert failures([DAYS, DAYS], RAMP) == (0, 2)  # visits of another day are others


def test_what_was_answered_at_the_present_share() -> None:
    assert answered([DAYS], RAMP) == 1
    assert answered([DAYS.assign(failed=True)], RAMP) == 0
    assert answered([DAYS], experiment(Step(0.05, START), Step(0.2, datetime(2017, 6, 10)))) == 0
    assert answered([DAYS], experiment(Step(0.0, START))) == 3


@pytest.mark.parametrize("order", [[5, 4, 3, 2, 1, 0], [3, 0, 5, 1, 4, 2]])
def test_the_order_of_rows_changes_nothing(order: list[int]) -> None:
    shuffled = arm_outcomes(visits_of(DAYS.iloc[order]), RAMP, pd.Timestamp("2017-06-19"))
    pd.testing.assert_frame_equal(shuffled, arm_outcomes(visits_of(DAYS), RAMP, pd.Timestamp("2017-06-19")))
