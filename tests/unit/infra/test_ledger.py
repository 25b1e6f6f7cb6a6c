"""The ledger: what is recorded once, what is replaced, and who is champion."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, NoResultFound

from infra.ledger import Ledger, Version
from infra.state import State

AS_OF = datetime(2017, 12, 4)
NOW = datetime(2018, 1, 1, 12)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def ledger(state: State) -> Iterator[Ledger]:
    with closing(Ledger(state.ledger)) as opened:
        yield opened


@pytest.fixture
def begun(ledger: Ledger) -> Ledger:
    """A ledger that knows the cycles c1 and c2."""
    ledger.begin_cycle("c1", AS_OF, "complete_journey", NOW)
    ledger.begin_cycle("c2", AS_OF, "complete_journey", LATER)
    return ledger


def tags(ledger: Ledger, cycle_id: str | None = None) -> list[str]:
    return [version.tag for version in ledger.versions(cycle_id)]


# ── cycles ────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_ledger_knows_nothing(ledger: Ledger) -> None:
    assert ledger.cycle() is None
    assert ledger.cycle("c1") is None
    assert ledger.steps("c1") == {}
    assert ledger.champion("churn") is None
    assert ledger.versions() == []
    assert ledger.plan("c1") is None
    assert ledger.verdicts("c1") == []


def test_a_cycle_keeps_its_first_record(ledger: Ledger) -> None:
    ledger.begin_cycle("c1", AS_OF, "complete_journey", NOW)
    ledger.begin_cycle("c1", AS_OF + timedelta(days=1), "elsewhere", LATER)

    row = ledger.cycle("c1")
    assert row is not None
    assert (row.as_of, row.source, row.started_at, row.finished_at) == (AS_OF, "complete_journey", NOW, None)


def test_a_cycle_that_is_asked_for_again_is_the_newest(begun: Ledger) -> None:
    begun.begin_cycle("c1", AS_OF, "complete_journey", LATER + timedelta(hours=1))

    newest = begun.cycle()
    assert newest is not None
    assert (newest.id, newest.started_at) == ("c1", NOW)


def test_the_cycle_begun_last_is_the_newest(ledger: Ledger) -> None:
    for name, hours in (("b", 1), ("c", 3), ("a", 2)):
        ledger.begin_cycle(name, AS_OF, "complete_journey", NOW + timedelta(hours=hours))

    newest, by_id = ledger.cycle(), ledger.cycle("b")
    assert newest is not None
    assert by_id is not None
    assert (newest.id, by_id.id) == ("c", "b")


def test_a_cycle_that_is_only_looked_at_is_not_the_newest_until_somebody_asks_for_it(begun: Ledger) -> None:
    begun.begin_cycle("looked at", AS_OF, "complete_journey", LATER, is_asked_for=False)
    begun.begin_cycle("looked at", AS_OF, "complete_journey", LATER + timedelta(hours=1), is_asked_for=False)
    newest, known = begun.cycle(), begun.cycle("looked at")
    assert newest is not None
    assert known is not None
    assert (newest.id, known.started_at) == ("c2", LATER)

    begun.begin_cycle("looked at", AS_OF, "complete_journey", LATER + timedelta(hours=2))
    newest = begun.cycle()
    assert newest is not None
    assert (newest.id, newest.started_at) == ("looked at", LATER + timedelta(hours=2))


def test_a_cycle_ends_once(begun: Ledger) -> None:
    begun.finish_cycle("c1", NOW)
    begun.finish_cycle("c1", LATER)

    row = begun.cycle("c1")
    assert row is not None
    assert row.finished_at == NOW


def test_a_cycle_that_never_began_does_not_end(ledger: Ledger) -> None:
    with pytest.raises(NoResultFound):
        ledger.finish_cycle("c1", NOW)


# ── steps ─────────────────────────────────────────────────────────────────────────────────────


def test_steps_come_in_the_order_in_which_they_ended(begun: Ledger) -> None:
    for name in ("ingest", "marts", "a step", "train"):
        begun.finish_step("c1", name, 1.5, {"line": name})
    begun.finish_step("c2", "ingest", 2.5, {})

    assert list(begun.steps("c1")) == ["ingest", "marts", "a step", "train"]
    assert [(step.position, step.seconds, step.result) for step in begun.steps("c2").values()] == [(0, 2.5, {})]


def test_a_step_keeps_its_first_record(begun: Ledger) -> None:
    begun.finish_step("c1", "train", 1.0, {"auc": 0.7, "notes": ["a", None], "by": {"x": 1}})
    begun.finish_step("c1", "marts", 1.0, {})
    begun.finish_step("c1", "train", 9.0, {"auc": 0.1})

    train = begun.steps("c1")["train"]
    assert (train.position, train.seconds) == (0, 1.0)
    assert train.result == {"auc": 0.7, "notes": ["a", None], "by": {"x": 1}}


# ── versions and champions ────────────────────────────────────────────────────────────────────


def test_the_first_version_of_a_model_becomes_champion_and_later_ones_stay_candidates(begun: Ledger) -> None:
    assert begun.register("churn:c1", "churn", "c1", {"auc": 0.7}, {}, NOW) is True
    assert begun.register("churn:c2", "churn", "c2", {"auc": 0.9}, {"better": True}, LATER) is False

    assert begun.champion("churn") == "churn:c1"
    assert begun.versions() == [
        Version("churn:c1", "churn", "c1", NOW, {"auc": 0.7}, {}, is_champion=True),
        Version("churn:c2", "churn", "c2", LATER, {"auc": 0.9}, {"better": True}, is_champion=False),
    ]


def test_each_model_has_a_champion_of_its_own(begun: Ledger) -> None:
    assert begun.register("churn:c1", "churn", "c1", {}, {}, NOW)
    assert begun.register("ctr:c2", "ctr", "c2", {}, {}, LATER)

    assert (begun.champion("churn"), begun.champion("ctr"), begun.champion("budget")) == ("churn:c1", "ctr:c2", None)


@pytest.mark.parametrize(("as_of", "is_champion"), [("2017-12-04", True), ("2017-12-11", True), ("2017-11-27", False)])
def test_a_champion_that_learned_from_someone_erased_gives_way(begun: Ledger, as_of: str, is_champion: bool) -> None:
    begun.register("churn:c1", "churn", "c1", {"as_of": "2017-12-04"}, {}, NOW)
    begun.mark_influenced(["churn:c1"], "tombstone", NOW)

    assert begun.register("churn:c2", "churn", "c2", {"as_of": as_of}, {}, LATER) is is_champion
    assert begun.champion("churn") == ("churn:c2" if is_champion else "churn:c1")


def test_it_does_not_give_way_to_one_that_learned_from_them_too(begun: Ledger) -> None:
    for tag in ("churn:c1", "churn:c2"):
        begun.register(tag, "churn", "c1", {"as_of": "2017-12-04"}, {}, NOW)
        begun.mark_influenced([tag], "tombstone", NOW)

    assert begun.register("churn:c1", "churn", "c1", {"as_of": "2017-12-04"}, {}, LATER) is False
    assert begun.champion("churn") == "churn:c2"


@pytest.mark.parametrize(("as_of", "is_champion"), [("2017-12-04", True), ("2017-12-11", True), ("2017-11-27", False)])
def test_a_champion_that_cannot_be_used_gives_way_for_a_reason(begun: Ledger, as_of: str, is_champion: bool) -> None:
    begun.register("churn:c1", "churn", "c1", {"as_of": "2017-12-04"}, {}, NOW)

    assert begun.register("churn:c2", "churn", "c2", {"as_of": as_of}, {}, LATER, unusable="it is torn") is is_champion
    assert begun.champion("churn") == ("churn:c2" if is_champion else "churn:c1")
    with begun.engine.connect() as connection:
        reasons = list(connection.execute(text("SELECT reason FROM champions ORDER BY id")).scalars())
    assert reasons[1:] == ["the champion churn:c1 could not be used: it is torn"] * is_champion


def test_registering_again_changes_nothing_and_gives_the_same_answer(begun: Ledger) -> None:
    begun.register("churn:c1", "churn", "c1", {"auc": 0.7}, {}, NOW)
    begun.register("churn:c2", "churn", "c2", {"auc": 0.9}, {}, LATER)
    before = begun.versions()

    assert begun.register("churn:c1", "churn", "c1", {"auc": 0.0}, {"worse": True}, LATER) is True
    assert begun.register("churn:c2", "churn", "c2", {"auc": 0.0}, {"worse": True}, LATER) is False
    assert begun.versions() == before


def test_versions_come_oldest_first_of_all_cycles_or_of_one(begun: Ledger) -> None:
    begun.register("churn:c2", "churn", "c2", {}, {}, LATER)
    begun.register("ctr:c1", "ctr", "c1", {}, {}, NOW)
    begun.register("churn:c1", "churn", "c1", {}, {}, NOW)

    assert tags(begun) == ["churn:c1", "ctr:c1", "churn:c2"]
    assert tags(begun, "c1") == ["churn:c1", "ctr:c1"]
    assert tags(begun, "c3") == []


def test_earlier_results_are_those_of_cycles_that_knew_no_more(ledger: Ledger) -> None:
    """The latest as_of first; neither the cycle itself, nor later ones, nor other sources, nor other steps."""
    for hour, (name, days, source) in enumerate(
        [
            ("july", 30, "s"),
            ("june", 0, "s"),
            ("august", 60, "s"),
            ("other", 10, "t"),
            ("now", 40, "s"),
            ("sept", 90, "s"),
        ]
    ):
        ledger.begin_cycle(name, AS_OF + timedelta(days=days), source, NOW + timedelta(hours=hour))
        ledger.finish_step(name, "marts", 1.0, {"of": "marts"})
        ledger.finish_step(name, "quality", 1.0, {"of": name})

    assert ledger.earlier_results("now", "quality") == [{"of": "july"}, {"of": "june"}]
    assert ledger.earlier_results("june", "quality") == []


# ── plans and verdicts ────────────────────────────────────────────────────────────────────────


def test_a_plan_made_anew_takes_the_place_of_the_old_one(begun: Ledger) -> None:
    begun.store_plan("c1", {"mailer": 10}, {"budget": 100})
    begun.store_plan("c2", {"mailer": 1}, {"budget": 10})
    begun.store_plan("c1", {"mailer": 20}, {"budget": 200})

    first, second = begun.plan("c1"), begun.plan("c2")
    assert first is not None
    assert second is not None
    assert (first.plan, first.inputs) == ({"mailer": 20}, {"budget": 200})
    assert (second.plan, second.inputs) == ({"mailer": 1}, {"budget": 10})


def test_plans_of_earlier_cycles_are_those_that_knew_less_the_latest_first(ledger: Ledger) -> None:
    for name, days, source, hour in (
        ("june", 0, "s", 0),
        ("other source", 3, "t", 1),
        ("july, once", 30, "s", 2),
        ("july, again", 30, "s", 3),
        ("now", 60, "s", 4),
        ("now, before", 60, "s", 3),
        ("later", 90, "s", 1),
    ):
        ledger.begin_cycle(name, AS_OF + timedelta(days=days), source, NOW + timedelta(hours=hour))
        ledger.store_plan(name, {"of": name}, {})
    ledger.begin_cycle("without a plan", AS_OF + timedelta(days=40), "s", NOW)

    assert [plan.plan["of"] for _, plan in ledger.earlier_plans("now")] == ["july, again", "june"]
    assert ledger.earlier_plans("june") == []


def test_a_verdict_made_anew_takes_the_place_of_the_old_one(begun: Ledger) -> None:
    drift = {"name": "drift:churn", "passed": True, "value": 0.1, "threshold": 0.3, "reason": "3 of 30 drifted"}
    begun.store_verdict("c1", drift, "drift.html")
    begun.store_verdict("c1", {**drift, "name": "drift:ctr"}, None)
    begun.store_verdict("c1", {**drift, "passed": False, "value": 0.5}, None)

    verdicts = begun.verdicts("c1")
    assert [(v.name, v.passed, v.value, v.threshold, v.reason, v.report) for v in verdicts] == [
        ("drift:churn", False, 0.5, 0.3, "3 of 30 drifted", None),
        ("drift:ctr", True, 0.1, 0.3, "3 of 30 drifted", None),
    ]
    assert begun.verdicts("c2") == []


# ── one file ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "write",
    [
        lambda ledger: ledger.finish_step("no such cycle", "train", 1.0, {}),
        lambda ledger: ledger.register("churn:x", "churn", "no such cycle", {}, {}, NOW),
        lambda ledger: ledger.store_plan("no such cycle", {}, {}),
        lambda ledger: ledger.store_verdict(
            "no such cycle", {"name": "v", "passed": True, "value": 0.0, "threshold": 0.0, "reason": ""}, None
        ),
    ],
)
def test_nothing_is_recorded_of_a_cycle_that_never_began(begun: Ledger, write) -> None:
    with pytest.raises(IntegrityError, match="FOREIGN KEY"):
        write(begun)

    assert begun.versions() == []


def test_two_ledgers_on_one_file_see_what_the_other_writes(begun: Ledger, state: State) -> None:
    with closing(Ledger(state.ledger)) as other:
        begun.register("churn:c1", "churn", "c1", {}, {}, NOW)
        assert other.champion("churn") == "churn:c1"

        other.finish_step("c1", "train", 1.0, {"line": "done"})
        assert begun.steps("c1")["train"].result == {"line": "done"}

        assert other.register("churn:c2", "churn", "c2", {}, {}, LATER) is False
        assert tags(begun) == ["churn:c1", "churn:c2"]


def test_what_was_written_is_there_when_the_file_is_opened_again(begun: Ledger, state: State) -> None:
    begun.register("churn:c1", "churn", "c1", {"auc": 0.1 + 0.2}, {}, NOW)
    begun.close()

    with closing(Ledger(state.ledger)) as again:
        assert again.versions() == [Version("churn:c1", "churn", "c1", NOW, {"auc": 0.1 + 0.2}, {}, True)]
