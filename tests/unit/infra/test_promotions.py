"""Promotion and rollback: who is champion afterwards, what ends with it, what is refused, and what two at once do."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from threading import Barrier

import pytest

from infra.audit import Audit
from infra.errors import AimloopError
from infra.experiments import Experiments
from infra.ledger import Ledger
from infra.promotions import Promotions, earlier_champions
from infra.state import State

NOW = datetime(2018, 1, 1, 12)
A, B, C = (f"churn:{name}" for name in "abc")


@pytest.fixture
def ledger(state: State) -> Iterator[Ledger]:
    """Three versions of churn and one of ctr; the first of each is champion."""
    with closing(Ledger(state.ledger)) as ledger:
        ledger.begin_cycle("c1", NOW, "company", NOW)
        for tag in (A, B, C, "ctr:a"):
            ledger.register(tag, tag.partition(":")[0], "c1", {"as_of": "2017-12-04"}, {}, NOW)
        yield ledger


@pytest.fixture
def audit(ledger: Ledger) -> Audit:
    return Audit(ledger, user="ada", role="admin")


def test_a_promoted_version_is_champion_and_the_trail_says_who_and_why(ledger: Ledger, audit: Audit) -> None:
    change = Promotions(ledger).promote(B, "ranks better", NOW, audit)

    assert (change.model, change.champion, change.instead_of, change.ended_experiment) == ("churn", B, A, None)
    assert (ledger.champion("churn"), ledger.champion("ctr")) == (B, "ctr:a")
    (entry,) = audit.entries()
    assert (entry.user, entry.role, entry.action, entry.is_intact) == ("ada", "admin", "promote", True)
    assert entry.details == {
        "model": "churn", "champion": B, "instead_of": A, "because": "ranks better", "ended_experiment": None,
    }  # fmt: skip


@pytest.mark.parametrize("change", ["promote", "roll_back"])
def test_the_running_experiment_of_the_model_ends_in_the_same_moment(ledger: Ledger, audit: Audit, change: str) -> None:
    experiments, later = Experiments(ledger), NOW + timedelta(hours=1)
    Promotions(ledger).promote(B, "better", NOW, audit)
    ours = experiments.start("churn", C, 0.1, "try", NOW, audit)
    if change == "promote":
        done = Promotions(ledger).promote(C, "won", later, audit)
    else:
        done = Promotions(ledger).roll_back("churn", "complaints", later, audit)

    (experiment,) = experiments.all()
    assert done.ended_experiment == ours.id
    assert experiment.ended_at == later
    reason = f"{C} became champion: won" if change == "promote" else f"{A} became champion: complaints"
    assert experiment.end_reason == reason


@pytest.mark.parametrize(
    ("tag", "what", "remedy"),
    [
        ("churn:x", "no version 'churn:x'", "did you mean 'churn:"),
        ("nothing", "no version 'nothing'", "`aimloop models` lists all"),
        (A, "is champion of churn already", "lists the others"),
    ],
)
def test_what_cannot_be_promoted_is_refused(ledger: Ledger, audit: Audit, tag: str, what: str, remedy: str) -> None:
    with pytest.raises(AimloopError, match=what) as refusal:
        Promotions(ledger).promote(tag, "because", NOW, audit)
    assert remedy in refusal.value.remedy
    assert ledger.champion("churn") == A
    assert audit.entries() == []


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_change_needs_a_reason(ledger: Ledger, audit: Audit, reason: str) -> None:
    with pytest.raises(AimloopError, match="needs a reason"):
        Promotions(ledger).promote(B, reason, NOW, audit)


@pytest.mark.parametrize(
    ("of_champion", "of_candidate", "is_refused"),
    [([], ["x"], True), (["x"], ["x"], False), (["x"], ["x", "y"], True), (["x"], [], False)],
)
def test_nobody_erased_comes_back_with_a_version(
    ledger: Ledger, audit: Audit, of_champion: list[str], of_candidate: list[str], is_refused: bool
) -> None:
    for tag, tombstones in ((A, of_champion), (B, of_candidate)):
        for tombstone in tombstones:
            ledger.mark_influenced([tag], tombstone, NOW)
    if is_refused:
        with pytest.raises(AimloopError, match=f"{B} learned from 1 since erased"):
            Promotions(ledger).promote(B, "better", NOW, audit)
    else:
        Promotions(ledger).promote(B, "better", NOW, audit)
    assert ledger.champion("churn") == (A if is_refused else B)


def test_a_rollback_does_not_bring_them_back_either(ledger: Ledger, audit: Audit) -> None:
    Promotions(ledger).promote(B, "better", NOW, audit)
    ledger.mark_influenced([A], "tombstone", NOW)
    with pytest.raises(AimloopError, match=f"{A} learned from 1 since erased"):
        Promotions(ledger).roll_back("churn", "complaints", NOW, audit)
    assert ledger.champion("churn") == B


# ── back ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("steps", "champion"),
    [
        ("B <", A),
        ("B C <", B),
        ("B C < <", A),
        ("B < C <", A),  # not B, which was rolled back from
        ("B < B <", A),  # promoted again, B counts again, and so does the way before it
        ("B < C B <", C),
        ("B A <", B),
    ],
)
def test_a_rollback_undoes_and_never_redoes(ledger: Ledger, audit: Audit, steps: str, champion: str) -> None:
    promotions = Promotions(ledger)
    for step in steps.split():
        if step == "<":
            promotions.roll_back("churn", "complaints", NOW, audit)
        else:
            promotions.promote({"A": A, "B": B, "C": C}[step], "better", NOW, audit)
    assert ledger.champion("churn") == champion
    assert [entry.action for entry in audit.entries()].count("rollback") == steps.count("<")


@pytest.mark.parametrize("steps", ["", "B <", "B C < <", "B A <"])
def test_there_is_an_end_to_the_way_back(ledger: Ledger, audit: Audit, steps: str) -> None:
    promotions = Promotions(ledger)
    for step in steps.split():
        if step == "<":
            promotions.roll_back("churn", "complaints", NOW, audit)
        else:
            promotions.promote({"A": A, "B": B, "C": C}[step], "better", NOW, audit)
    with pytest.raises(AimloopError, match="no champion of churn before") as refusal:
        promotions.roll_back("churn", "complaints", NOW, audit)
    assert "aimloop promote TAG" in refusal.value.remedy


def test_a_model_without_a_champion_has_no_way_back(ledger: Ledger, audit: Audit) -> None:
    with pytest.raises(AimloopError, match="no champion of 'churm'") as refusal:
        Promotions(ledger).roll_back("churm", "complaints", NOW, audit)
    assert "did you mean 'churn'" in refusal.value.remedy


def test_the_way_back_in_short() -> None:
    assert earlier_champions([("a", None), ("b", None), ("c", None)]) == ["a", "b"]
    assert earlier_champions([("a", None), ("b", None), ("a", "b"), ("c", None)]) == ["a"]
    assert earlier_champions([]) == []


# ── two at once ───────────────────────────────────────────────────────────────────────────────


def test_who_decided_about_another_champion_is_told(ledger: Ledger, audit: Audit) -> None:
    Promotions(ledger).promote(B, "ranks better", NOW, audit, instead_of=A)
    with pytest.raises(AimloopError, match=rf"not {A} any more: {B} is, since 2018-01-01 12:00:00 .*ranks better"):
        Promotions(ledger).promote(C, "best", NOW, audit, instead_of=A)
    with pytest.raises(AimloopError, match="any more"):
        Promotions(ledger).roll_back("churn", "complaints", NOW, audit, instead_of=A)
    assert ledger.champion("churn") == B


def test_of_two_who_promote_at_once_one_is_told(ledger: Ledger, state: State) -> None:
    for _ in range(10):
        seen = ledger.champion("churn")
        barrier = Barrier(2)

        def promote(tag: str, seen: str | None = seen, barrier: Barrier = barrier) -> str:
            with closing(Ledger(state.ledger)) as own:
                audit = Audit(own, user=tag, role="admin")
                barrier.wait()
                try:
                    return Promotions(own).promote(tag, "better", NOW, audit, instead_of=seen).champion
                except AimloopError as error:
                    return error.what

        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(promote, sorted({A, B, C} - {seen})))
        champion = ledger.champion("churn")
        (told,) = (outcome for outcome in outcomes if outcome != champion)
        assert f"the champion of churn is not {seen} any more: {champion} is" in told
    entries = Audit(ledger, user="ada", role="admin").entries()
    assert len(entries) == 10
    assert all(entry.is_intact for entry in entries)


def test_where_the_trail_cannot_be_written_nothing_changes(ledger: Ledger, audit: Audit) -> None:
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    with pytest.raises(Exception, match="disk full"):
        Promotions(ledger).promote(B, "better", NOW, audit)
    assert ledger.champion("churn") == A
