"""What the log says of a new champion beside the one before: each in its time, and only what can be known."""

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from infra.probation_evidence import before_and_after
from tests.unit.infra.log_examples import NEW, NOW, OLD, Log, at

SINCE = at(17, 0)  # three days ago; so the week before counts


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "state")


def found(log: Log) -> dict[tuple[str, bool], tuple[float, ...]]:
    log.land()
    rows: pd.DataFrame = before_and_after(log.state, log.keys, "ctr", (OLD, NEW), SINCE, timedelta(days=1), NOW)
    columns = ["asked", "silent", "seen", "clicked", "said"]
    return {(row.pseudonym, row.is_new): tuple(getattr(row, c) for c in columns) for row in rows.itertuples()}


def test_each_version_is_counted_in_its_time(log: Log) -> None:
    log.said("too old", "ann", at(9), version=OLD)
    log.said("before", "ann", at(10), version=OLD)
    log.said("left over", "ann", at(17, 1), version=OLD)  # a worker had not taken the change up yet
    log.said("tried", "ann", at(16), version=NEW)  # in the experiment before
    log.said("since", "ann", at(17, 1), version=NEW)
    log.said("shadow", "ann", at(17, 1), version=NEW, is_answered=False)
    log.said("another", "ann", at(17, 1), version="ctr:third")
    for id_ in ("before", "since"):
        log.came(id_, "clicked", at(10 if id_ == "before" else 17, 13))
    assert found(log) == {("ann", False): (1, 0, 1, 1, 0.25), ("ann", True): (1, 0, 1, 1, 0.25)}


def test_clicks_are_compared_with_predictions_whose_outcomes_are_known(log: Log) -> None:
    log.said("known", "ann", at(18), version=NEW)
    log.said("fresh", "ann", NOW - timedelta(hours=23), version=NEW)
    for id_ in ("known", "fresh"):
        log.came(id_, "clicked", at(18, 13) if id_ == "known" else NOW - timedelta(hours=22))
    log.came("known", "clicked", at(18, 14))  # twice
    assert found(log) == {("ann", True): (2, 0, 1, 1, 0.25)}


def test_of_strangers_silence_is_no_fault(log: Log) -> None:
    log.said("stranger", "ann", at(18), version=NEW, value=None, is_known=False)
    log.said("known", "bob", at(18), version=NEW, value=None)
    log.said("lapsed", "cyd", at(18), version=NEW, value=None, label="lapsed")
    log.said("late click", "cyd", at(18), version=NEW)
    log.came("late click", "clicked", at(19, 12))
    assert {who: values[1] for (who, _), values in found(log).items()} == {"ann": 0, "bob": 1, "cyd": 0}
    assert found(log)["cyd", True] == (2, 0, 2, 0, 0.25)
