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


COLUMNS = ("asked", "silent", "seen", "clicked", "said")


def found(
    log: Log, columns: tuple[str, ...] = COLUMNS, *, of_shown: bool = False
) -> dict[tuple[str, bool], tuple[float, ...]]:
    log.land()
    window = timedelta(days=1)
    rows: pd.DataFrame = before_and_after(log.state, log.keys, "ctr", (OLD, NEW), SINCE, window, NOW, of_shown=of_shown)
    return {(row.pseudonym, row.is_new): tuple(getattr(row, c) for c in columns) for row in rows.itertuples()}


def test_each_version_is_counted_in_its_time(log: Log) -> None:
    log.said("too old", "ann", at(9), version=OLD)
    log.said("before", "ann", at(10), version=OLD)
    log.said("left over", "ann", at(17, 1), version=OLD)  # a worker had not taken the change up yet
    log.said("tried", "ann", at(16), version=NEW)  # in the experiment before
    log.said("since", "ann", at(17, 1), version=NEW)
    log.said("shadow", "ann", at(17, 1), version=NEW, variant="challenger", is_answered=False)
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


def test_of_what_was_shown_clicks_and_predictions_are_counted_where_that_is_configured(log: Log) -> None:
    for id_ in ("shown", "clicked", "neither"):
        log.said(id_, "ann", at(18), version=NEW)
    log.came("shown", "shown", at(18, 13))
    log.came("clicked", "clicked", at(18, 13))  # who clicked has seen it, whether that is reported or not
    columns = ("answered", "seen", "clicked", "said")
    assert found(log, columns) == {("ann", True): (3, 3, 1, 0.75)}
    assert found(log, columns, of_shown=True) == {("ann", True): (3, 2, 1, 0.5)}


def test_purchases_count_once_an_answer_and_add_up_in_money(log: Log) -> None:
    log.said("bought", "ann", at(18), version=NEW)
    log.said("late", "ann", at(18), version=NEW)
    log.came("bought", "converted", at(18, 13), 10.0)
    log.came("bought", "converted", at(18, 14), 5.0)
    log.came("late", "converted", at(19, 13), 100.0)
    assert found(log, ("converted", "revenue")) == {("ann", True): (1, 15.0)}


def test_anything_that_is_reported_shows_that_reports_come(log: Log) -> None:
    for id_ in ("shown", "late", "fresh", "never"):
        log.said(id_, "ann", at(19, 12) if id_ == "fresh" else at(18), version=NEW)
    log.came("shown", "shown", at(18, 13))
    log.came("late", "converted", at(19, 13), 1.0)  # counts for nothing, but is a report
    log.came("fresh", "clicked", at(19, 13))
    assert found(log, ("answered", "reported")) == {("ann", True): (3, 2)}


def test_what_a_champion_failed_to_answer_is_silence(log: Log) -> None:
    log.said("answered", "ann", at(18), version=NEW)
    log.said("failed", "ann", at(18), version=NEW, value=None, is_answered=False)
    log.said("unheard", "ann", at(18), version=NEW, value=None, is_answered=False, variant="challenger")
    assert found(log, ("asked", "silent")) == {("ann", True): (2, 1)}
