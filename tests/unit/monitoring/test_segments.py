"""Migration between segments as a verdict."""

import numpy as np
import pandas as pd
import pytest

from monitoring.ordinary import OrdinaryRule
from monitoring.segments import judge_migration, learn_migration

RULE = OrdinaryRule(resamples=200, seed=5)


def snapshots(weeks: int, moving: float, customers: int = 200) -> pd.DataFrame:
    """Every week a share of the customers is dealt a segment anew."""
    rng = np.random.default_rng(1)
    segments = [rng.choice(["loyal", "new", "lost"], customers)]
    for _ in range(weeks - 1):
        anew = rng.random(customers) < moving
        segments.append(np.where(anew, rng.choice(["loyal", "new", "lost"], customers), segments[-1]))
    return pd.DataFrame(dict(enumerate(segments)), index=[f"p{i}" for i in range(customers)])


def test_as_many_movers_as_usual_pass_and_twice_as_many_do_not() -> None:
    usual_weeks = snapshots(20, 0.05)
    usual = learn_migration(usual_weeks, RULE)
    assert usual is not None
    assert 0.05 < usual.typical < 0.2  # four weeks of 5 %, a third of whom are dealt what they had
    assert judge_migration("migration.s", usual_weeks[0], usual_weeks[4], usual).passed
    many = snapshots(6, 0.2)
    verdict = judge_migration("migration.s", many[0], many[4], usual)
    assert not verdict.passed
    assert verdict.reason.endswith(f"of 200 moved in four weeks, ordinary up to {usual.alarm:.0%}")


@pytest.mark.parametrize("weeks", [0, 5, 7])
def test_with_few_snapshots_a_convention_stands_in(weeks: int) -> None:
    assert learn_migration(snapshots(8, 0.1).iloc[:, :weeks], RULE) is None
    verdict = judge_migration("migration.s", pd.Series({"p1": "a"}), pd.Series({"p1": "b"}), None)
    assert verdict.reason == "100% of 1 moved in four weeks, 50% is a convention: too few weeks to learn from"
    assert not verdict.passed


def test_who_was_not_there_has_not_moved() -> None:
    verdict = judge_migration("migration.s", pd.Series({"p1": "a"}), pd.Series({"p2": "b"}), None)
    assert (verdict.passed, verdict.reason) == (True, "nobody was there four weeks ago")
