"""Data quality from landed tables to verdicts in the ledger, a summary, and a cycle that stops."""

from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from flows.context import Cycle, Door
from flows.quality import judge_and_store, refuse_unknown_names, stop_for
from flows.summary import summarise
from infra.errors import AimloopError
from infra.intake import landing
from infra.keys import open_keys
from infra.ledger import Ledger
from infra.sections import Quality
from infra.settings import load
from infra.sources.raw_table import RawTable
from infra.state import State

AS_OF = pd.Timestamp("2017-06-05")  # a Monday


@pytest.fixture
def door(tmp_path: Path) -> Door:
    settings = load({}, tmp_path, state=tmp_path / "state")
    state = State(settings.state).open()
    return Door(settings, state, open_keys(settings, state), Ledger(state.ledger))


def cycle(door: Door, name: str, as_of: pd.Timestamp = AS_OF, **frames: pd.DataFrame) -> Cycle:
    """Land the tables and begin a cycle."""
    tables = [RawTable(table, f"FROM {table}_frame", frames={f"{table}_frame": f}) for table, f in frames.items()]
    landing.land(door.state, door.keys, tables, name)
    now = datetime(2018, 1, 1)
    door.ledger.begin_cycle(name, as_of.to_pydatetime(), door.settings.source, now)
    return Cycle(name, as_of, door)


def orders(per_week: int = 10, weeks: int = 20, until: pd.Timestamp = AS_OF) -> pd.DataFrame:
    """That many orders a week of 5 to 14 in money, the last ones the day before."""
    n = per_week * weeks
    return pd.DataFrame(
        {
            "order_id": [f"o{i}" for i in range(n)],
            "customer_id": [f"c{i % 7}" for i in range(n)],
            "ordered_at": [until - pd.Timedelta(days=1 + 7 * (i // per_week)) for i in range(n)],
            "amount": [5.0 + i % 10 for i in range(n)],
        }
    )


def finish(this: Cycle) -> dict:
    """Judge, and record the step as the cycle does."""
    verdicts, result = judge_and_store(this)
    this.door.ledger.finish_step(this.id, "quality", 0.1, result)
    return {verdict.name: verdict for verdict in verdicts}


def test_orders_alone_are_judged_and_what_is_not_there_is_named(door: Door) -> None:
    this = cycle(door, "c1", orders=orders())
    found = finish(this)
    assert set(found) == {"null_rate.orders", "freshness.orders", "volume.orders", "distribution.orders.amount"}
    assert all(verdict.passed for verdict in found.values())
    assert not found["volume.orders"].reason.startswith("nothing")
    assert door.ledger.steps("c1")["quality"].result["line"] == (
        "4 of 4 judgements hold; not brought: customers, products, impressions, campaigns, contacts, events"
    )
    told = summarise(door, "c1")["quality"]
    assert (told["passed"], told["stopped"], len(told["verdicts"])) == (True, False, 4)


def test_a_failed_judgement_warns_or_stops_by_setting(door: Door) -> None:
    poor = orders()
    poor.loc[:14, "customer_id"] = None
    this = cycle(door, "c1", orders=poor)
    failed = [verdict for verdict in judge_and_store(this)[0] if not verdict.passed]
    assert [verdict.name for verdict in failed] == ["null_rate.orders", "volume.orders"]  # 10 + 5 rows set aside
    stop_for(failed, Quality())
    stop_for(failed, Quality(stop_on=("freshness",)))
    for setting in (Quality(on_failure="stop"), Quality(stop_on=("null_rate.orders",))):
        with pytest.raises(AimloopError, match=r"before training: .*customer_id: 15 missing") as stopped:
            stop_for(failed, setting)
        assert "quality.max_null_rate" in stopped.value.remedy
    told = summarise(door, "c1")["quality"]
    assert (told["passed"], told["stopped"]) == (False, True)  # the verdicts are there, the step never ended
    assert [v["name"] for v in told["verdicts"][:2]] == ["null_rate.orders", "volume.orders"]


def test_a_later_cycle_is_held_against_what_this_one_counted(door: Door) -> None:
    finish(cycle(door, "c1", orders=orders()))
    month = pd.Timedelta(days=28)
    more = orders(weeks=24, until=AS_OF + month)
    assert finish(cycle(door, "c2", AS_OF + month, orders=more))["history.orders"].value == 0

    lost = more[~more["ordered_at"].between("2017-05-15", "2017-05-22")]
    verdict = finish(cycle(door, "c3", AS_OF + month, orders=lost))["history.orders"]
    assert (verdict.passed, verdict.value) == (False, 1)
    assert verdict.reason == "week of 2017-05-15: 10 of 10 rows that an earlier cycle counted are gone"


def test_cycles_of_other_samples_and_of_later_days_are_no_measure(door: Door) -> None:
    finish(cycle(door, "c1", orders=orders()))
    few = orders(per_week=1)
    sample = door.settings.model_copy(update={"households": 1})
    other = Door(sample, door.state, door.keys, door.ledger)
    assert "history.orders" not in finish(cycle(other, "c2", orders=few))
    assert "history.orders" not in finish(cycle(door, "c3", AS_OF - pd.Timedelta(days=7), orders=few))


def test_a_stop_that_would_never_come_is_refused() -> None:
    with pytest.raises(AimloopError, match="'freshnes'") as refused:
        refuse_unknown_names(Quality(stop_on=("freshnes",)))
    assert "did you mean 'freshness'?" in refused.value.remedy
    refuse_unknown_names(Quality(stop_on=("freshness", "references.orders.product_id")))
