"""How well a version does where it is used: what services said with it, beside clicks and later orders."""

from datetime import datetime, timedelta

import orjson
import pandas as pd
import pytest

from flows.context import Cycle, Door, simulated
from flows.judging import _served
from flows.served import served
from infra import warehouse
from infra.outcomes import Outcome, Outcomes
from tests import small_state
from tests.unit.infra.prediction_examples import ROW

NOW = datetime(2018, 3, 1)
CYCLE_AS_OF = pd.Timestamp("2018-03-01")


@pytest.fixture(autouse=True)
def clock():
    with simulated(NOW):
        yield


def answered(door: Door, name: str, rows: list[dict], clicked: set[int] | None = None) -> None:
    """Rows of the log, every so many of which were clicked a minute later; landed."""
    ids = [f"{name}-{number}" for number in range(len(rows))]
    lines = [ROW._asdict() | {"prediction_id": id_} | row for id_, row in zip(ids, rows, strict=True)]
    (door.state.predictions / f"{name}.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    reports, at = Outcomes(door.state.outcomes), NOW - timedelta(days=15)
    reports.report([Outcome(ids[n], ids[n], "clicked", at, None, "key") for n in sorted(clicked or ())], at)
    reports.close()
    small_state.land_log(door)


def impressions(door: Door, said: float, clicked: set[int]) -> None:
    """A thousand answers to 500 customers, each with the same probability."""
    at = f"{NOW - timedelta(days=15, minutes=1):%Y-%m-%dT%H:%M:%S}Z"
    row = {"version": "ctr:g1", "predicted_at": at, "value": said}
    answered(door, "ctr", [row | {"pseudonym": f"c{number % 500}"} for number in range(1_000)], clicked)


def verdict(door: Door):
    (found,) = _served(Cycle("g1", CYCLE_AS_OF, door), "ctr", "ctr:g1", {})
    return found


def test_what_was_answered_comes_as_often_as_was_said(door: Door) -> None:
    impressions(door, 0.1, set(range(0, 1_000, 10)))
    found = verdict(door)
    assert (found.kind, found.is_learned, found.verdict.passed) == ("served", False, True)
    assert "prediction_ratio 1" in found.verdict.reason
    assert "log_loss 0.325" in found.verdict.reason  # the entropy of 0.1


def test_what_comes_half_as_often_as_was_said_fails(door: Door) -> None:
    impressions(door, 0.1, set(range(0, 1_000, 20)))
    found = verdict(door)
    assert not found.verdict.passed
    assert found.verdict.value == pytest.approx(2.0)
    assert found.verdict.reason.startswith("predicted ÷ observed off by a factor of 2.00, 1.1 is a convention")


def test_nobody_has_asked_or_nobody_reports(door: Door) -> None:
    for name in ("ctr", "churn", "clv"):
        assert list(_served(Cycle("g1", CYCLE_AS_OF, door), name, f"{name}:g1", {})) == []
    impressions(door, 0.1, set())
    assert served(Cycle("g1", CYCLE_AS_OF, door), "ctr", "ctr:g1") is None
    assert served(Cycle("g1", CYCLE_AS_OF, door), "segmentation", small_state.TAG) is None


def test_scores_of_customers_wait_for_the_orders_of_their_horizon(door: Door) -> None:
    """Ann ordered within 56 days of the profile and Bob did not; of the later profile nobody knows yet."""
    generation = warehouse.start_generation(door.state, "g9", CYCLE_AS_OF)
    for statement in (
        "CREATE SCHEMA marts",
        "CREATE SCHEMA intermediate",
        "CREATE TABLE marts.customer_consents AS SELECT unnest(['ann', 'bob']) AS pseudonym",
        "CREATE TABLE intermediate.int_orders AS "
        "SELECT 'ann' AS pseudonym, TIMESTAMP '2018-01-20' AS ordered_at, 5.0 AS amount",
    ):
        generation.execute(statement)
    warehouse.finish(door.state, "g9")
    said = [("ann", "2018-01-01", 0.2), ("bob", "2018-01-01", 0.7), ("bob", "2018-01-08", 0.8)]
    row = {"model": "churn", "version": "churn:g1"}
    answered(door, "churn", [row | {"pseudonym": who, "as_of": f"{day}T00:00:00Z", "value": v} for who, day, v in said])
    found = served(Cycle("g9", CYCLE_AS_OF, door), "churn", "churn:g1")
    assert found is not None
    assert found[["pseudonym", "predicted", "actual"]].to_numpy().tolist() == [["ann", 0.2, 0.0], ["bob", 0.7, 1.0]]
