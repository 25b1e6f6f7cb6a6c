"""What arrives between cycles is looked at day by day, and whoever retrains on it goes on from there."""

import shutil
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from flows import arrivals, context, retrain, watch
from flows.context import Door, open_cycle, simulated
from flows.summary import summarise
from infra import warehouse
from infra.checks import Checks
from infra.errors import AimloopError
from infra.intake import landing
from infra.retrainings import Retrainings
from infra.sources.raw_table import RawTable
from tests.small_state import AS_OF, TAG, tables
from tests.unit.flows.test_watch import looked


class Shop:
    """A source whose last order is of a day; its marts are a copy of the published ones."""

    def __init__(self, door: Door) -> None:
        self.door, self.day = door, AS_OF
        self.steps, self.events = list[str](), list[dict[str, Any]]()

    def ingest(self, _: str) -> dict[str, Any]:
        customers, orders = tables()
        frame = orders.frames["given_orders"]
        frame.loc[len(frame)] = ["o8", "bob-777222", f"{self.day - timedelta(days=1):%Y-%m-%d}", "7.5"]
        landing.land(
            self.door.state,
            self.door.keys,
            [customers, RawTable("orders", orders.relation, (), {"given_orders": frame})],
            f"until {self.day}",
        )
        self.steps.append("ingest")
        return {"line": "landed", "rows": {}}

    def quality(self, _: str) -> dict[str, Any]:
        self.steps.append("quality")
        return {"line": "good"}

    def marts(self, cycle_id: str, _: bool = False) -> dict[str, Any]:
        self.steps.append("marts")
        shutil.copyfile(
            warehouse.generation(self.door.state, "g1").path, warehouse.generation(self.door.state, cycle_id).path
        )
        return {"line": "built"}


@pytest.fixture
def shop(door: Door, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """g1 is published and finished; the clock stands on the day that the last order was landed."""
    found = Shop(door)
    monkeypatch.setenv("AIMLOOP_STATE", str(door.state.root))
    monkeypatch.setenv("AIMLOOP_SOURCE", "company")
    monkeypatch.setenv("BENTOML_HOME", str(door.state.bentoml))  # the door sets homes: they are put back
    monkeypatch.setenv("PREFECT_HOME", str(door.state.prefect))
    monkeypatch.setattr(context, "data_fingerprint", lambda _: f"until {found.day}")
    for step in ("ingest", "quality", "marts"):
        monkeypatch.setattr(arrivals, step, getattr(found, step))
    door.ledger.finish_step("g1", "train", 1.0, {"line": "trained", "models": {}})
    door.ledger.finish_cycle("g1", AS_OF.to_pydatetime())
    return found


@pytest.fixture
def daily(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The watch of a day as its schedule calls it, on a world that has drifted by so much; Prefect is left out."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    monkeypatch.setattr("prefect.events.emit_event", lambda event, **facts: shop.events.append(facts["payload"]))
    monkeypatch.setattr(watch, "judge_model", SimpleNamespace(with_options=lambda **_: _judge))
    monkeypatch.setattr(watch, "create_markdown_artifact", lambda **_: None)
    monkeypatch.setattr(retrain, "is_simulated", lambda: False)

    def run(days: int, drift: float) -> dict[str, Any]:
        shop.day = AS_OF + timedelta(days=days)
        monkeypatch.setattr(watch, "judge_version", lambda cycle, *_, **__: looked(drift, cycle.as_of))
        with simulated(shop.day.to_pydatetime() + timedelta(hours=6)):
            return watch.watch.fn()

    return run


def _judge(cycle_id: str, name: str, reports: str | None) -> dict[str, Any]:
    return watch.judge_and_store(open_cycle(cycle_id), name, reports=reports)


def test_drift_between_two_cycles_is_seen_and_asks_for_a_retraining_that_is_done(shop: Shop, daily: Any) -> None:
    """A monthly cycle; the world moves a week after it. Two checks on new evidence, a week apart, are enough."""
    door = shop.door
    found = {day: daily(day, 0.5) for day in (0, 1, 6, 7, 8)}
    assert [bool(one["asked"]) for one in found.values()] == [False, False, False, True, True]
    assert found[7]["asked"]["segmentation"]["how"] == "event"
    assert [check.asks for check in Checks(door.ledger).all()] == [False, False, False, True, False]
    (request,) = Retrainings(door.ledger).open()
    assert [event["request"] for event in shop.events] == [request.id, request.id]  # a lost event comes again

    # the automation starts `retrain`, whose cycle finds the first steps done
    shop.steps.clear()
    with simulated(shop.day.to_pydatetime() + timedelta(hours=7)):
        this = arrivals.begin(door_of(shop), arrivals.land(door_of(shop)))
        arrivals.prepare(this)
        assert shop.steps == ["ingest"]
        assert retrain.learned_already(door_of(shop)) is None
    assert this.as_of == AS_OF + timedelta(days=8)


def test_a_world_that_is_only_looked_at_is_neither_published_nor_the_last_cycle(shop: Shop, daily: Any) -> None:
    door = shop.door
    for day in range(1, 5):
        daily(day, 0.1)
    published = warehouse.published(door.state)
    assert published is not None
    assert published.name == summarise(door)["cycle"]["id"] == open_cycle().id == "g1"
    assert len(warehouse.generations(door.state)) == 3  # that one, and the last two that were looked at
    (check,) = (c for c in Checks(door.ledger).all() if c.evidence_until == (AS_OF + timedelta(days=4)).to_pydatetime())
    assert (check.version, check.cycle_id[:8]) == (TAG, "20171208")


def test_where_nothing_has_arrived_the_published_world_is_looked_at_again(shop: Shop, daily: Any) -> None:
    daily(0, 0.1)
    assert shop.steps == ["ingest"]
    assert [check.cycle_id for check in Checks(shop.door.ledger).all()] == ["g1"]


def broken(*_: object) -> dict[str, Any]:
    raise AimloopError("the shop's database is away", "wait")


@pytest.mark.parametrize("step", ["ingest", "quality", "marts"])
def test_what_cannot_be_looked_at_is_told_and_the_published_world_is_judged(
    shop: Shop, daily: Any, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(watch, "announce", lambda _, conditions: told.extend(conditions))
    monkeypatch.setattr(arrivals, step, broken)
    daily(3, 0.1)
    assert [check.cycle_id for check in Checks(shop.door.ledger).all()] == ["g1"]
    assert [(c.key, c.reasons) for c in told if not c.is_well] == [("watch.arrivals", ("the shop's database is away",))]


def test_while_a_cycle_runs_it_is_left_to_look_and_to_answer(
    shop: Shop, daily: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMLOOP_EXPERIMENTS__PATIENCE_SECONDS", "0")
    Retrainings(shop.door.ledger).ask("segmentation", "drifted", {}, AS_OF.to_pydatetime())
    with shop.door.state.lock():
        found = daily(7, 0.5)
    assert found["asked"]["segmentation"]["how"] == "this cycle"
    assert shop.steps == shop.events == []
    assert [check.cycle_id for check in Checks(shop.door.ledger).all()] == ["g1"]


def test_a_retraining_that_fails_has_been_told_of(shop: Shop, daily: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a server it is done at once, after people have heard of the drift."""
    told: list[Any] = []
    daily(0, 0.5)
    monkeypatch.delenv("PREFECT_API_URL")
    monkeypatch.setattr(watch, "announce", lambda _, conditions: told.extend(conditions))
    monkeypatch.setattr(retrain, "retrain", broken)
    with pytest.raises(AimloopError):
        daily(7, 0.5)
    assert [c.key for c in told if not c.is_well] == ["drift.segmentation"]


def door_of(shop: Shop) -> Door:
    return replace(shop.door, settings=shop.door.settings.model_copy(update={"source": "company"}))


def test_a_published_world_of_another_source_is_left_as_it_is(
    shop: Shop, daily: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run by hand with `--source`: what the setting names is not that world's future."""
    monkeypatch.setenv("AIMLOOP_SOURCE", "complete_journey")
    daily(3, 0.1)
    assert shop.steps == []
