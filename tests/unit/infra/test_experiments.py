"""Experiments: whom a challenger answers, what may be changed, and what is kept of each change."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare
from sqlalchemy.exc import IntegrityError

from infra.audit import Audit
from infra.errors import AimloopError
from infra.experiments import Experiment, Experiments, position
from infra.ledger import Ledger
from infra.ledger_rows import ExperimentRow
from infra.state import State

NOW = datetime(2018, 1, 1, 12)
LATER = NOW + timedelta(days=1)
A, B, C = (f"churn:{name}" for name in "abc")
SALTS = ("one salt", "another", "5f0c1b2a")


@pytest.fixture
def ledger(state: State) -> Iterator[Ledger]:
    """Three versions of churn and two of ctr; the first of each is champion."""
    with closing(Ledger(state.ledger)) as ledger:
        ledger.begin_cycle("c1", NOW, "company", NOW)
        for tag in (A, B, C, "ctr:a", "ctr:b"):
            ledger.register(tag, tag.partition(":")[0], "c1", {"as_of": "2017-12-04"}, {}, NOW)
        yield ledger


@pytest.fixture
def audit(ledger: Ledger) -> Audit:
    return Audit(ledger, user="ada", role="admin")


@pytest.fixture(scope="module")
def household_ids(real_folder: Path) -> list[str]:
    query = f"SELECT DISTINCT household_id::VARCHAR FROM '{real_folder}/transactions.parquet' ORDER BY 1"
    return [id_ for (id_,) in duckdb.sql(query).fetchall()]


def experiment(share: float, salt: str = "salt") -> Experiment:
    return Experiment(1, "churn", A, B, salt, share, not share, NOW, "try", None, None, ())


# ── who gets which ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("salt", SALTS)
def test_customers_lie_evenly(household_ids: list[str], salt: str) -> None:
    positions = [position(salt, id_) for id_ in household_ids]
    assert len(positions) == 2_469
    assert all(0 <= p < 1 for p in positions)
    assert chisquare(np.histogram(positions, bins=20, range=(0, 1))[0]).pvalue > 0.01


def test_one_experiment_says_nothing_about_the_next(household_ids: list[str]) -> None:
    quarters = [[int(4 * position(salt, id_)) for id_ in household_ids] for salt in SALTS]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        table = np.histogram2d(quarters[one], quarters[other], bins=4)[0]
        assert chi2_contingency(table).pvalue > 0.01


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.99])
def test_a_share_is_what_it_says_and_so_is_the_propensity(household_ids: list[str], share: float) -> None:
    found = [experiment(share).variant(id_) for id_ in household_ids]
    assert set(found) == {("challenger", share), ("champion", 1 - share)}
    challenged = sum(variant == "challenger" for variant, _ in found) / len(found)
    assert challenged == pytest.approx(share, abs=4 * (share * (1 - share) / len(found)) ** 0.5)


def test_a_raised_share_leaves_the_challenger_with_whom_had_it(household_ids: list[str]) -> None:
    before, after = (
        {id_ for id_ in household_ids if experiment(share).variant(id_)[0] == "challenger"} for share in (0.1, 0.2)
    )
    assert before < after


def test_in_the_shadow_the_champion_answers_everybody(household_ids: list[str]) -> None:
    assert {experiment(0.0).variant(id_) for id_ in household_ids} == {("champion", 1.0)}


def test_the_same_everywhere_and_for_ever() -> None:
    """Written down, so that another release, or another worker, does not deal customers anew."""
    assert [round(position("salt", id_), 6) for id_ in ("1", "12345", "ann-777111", "顾客-1", "")] == [
        0.313804, 0.765917, 0.012482, 0.792481, 0.660327,
    ]  # fmt: skip


@given(st.text(max_size=40))
@example("\ud800")  # half of a character, as JSON may bring it
def test_every_text_has_a_place(customer_id: str) -> None:
    assert 0 <= position("salt", customer_id) < 1


# ── start, share, end ─────────────────────────────────────────────────────────────────────────


def test_from_the_shadow_to_a_share_to_the_end(ledger: Ledger, audit: Audit) -> None:
    experiments = Experiments(ledger)
    first = experiments.start("churn", B, None, "is it fast enough?", NOW, audit)
    assert (first.champion, first.challenger, first.share, first.is_shadow) == (A, B, 0.0, True)

    experiments.raise_share("churn", 0.1, LATER, audit)
    raised = experiments.raise_share(first.id, 0.25, LATER + timedelta(days=1), audit, reason="no complaints")
    assert experiments.running() == {"churn": raised}
    assert (raised.salt, raised.share, raised.is_shadow) == (first.salt, 0.25, False)
    assert raised.steps == ((0.0, NOW), (0.1, LATER), (0.25, LATER + timedelta(days=1)))

    ended = experiments.end("churn", "no better", LATER + timedelta(days=2), audit)
    assert experiments.running() == {}
    assert experiments.all() == [ended]
    assert (ended.ended_at, ended.end_reason) == (LATER + timedelta(days=2), "no better")
    assert [(e.action, e.details["share"], e.details["because"]) for e in audit.entries()] == [
        ("experiment started", 0.0, "is it fast enough?"),
        ("experiment share", 0.1, None),
        ("experiment share", 0.25, "no complaints"),
        ("experiment ended", 0.25, "no better"),
    ]


def test_each_model_has_an_experiment_of_its_own_and_each_experiment_a_salt(ledger: Ledger, audit: Audit) -> None:
    experiments = Experiments(ledger)
    experiments.start("churn", B, 0.1, "try", NOW, audit)
    experiments.end("churn", "enough", NOW, audit)
    experiments.start("churn", B, 0.1, "again", NOW, audit)
    experiments.start("ctr", "ctr:b", 0.5, "try", NOW, audit)
    assert {model: running.id for model, running in experiments.running().items()} == {"churn": 2, "ctr": 3}
    assert len({each.salt for each in experiments.all()}) == 3


@pytest.mark.parametrize(
    ("model", "tag", "what"),
    [
        ("churn", "churn:x", "no version 'churn:x'"),
        ("churn", "ctr:b", "ctr:b is a version of ctr, not of churn"),
        ("churn", A, f"{A} is the champion itself"),
    ],
)
def test_what_cannot_challenge_is_refused(ledger: Ledger, audit: Audit, model: str, tag: str, what: str) -> None:
    with pytest.raises(AimloopError, match=what):
        Experiments(ledger).start(model, tag, 0.1, "try", NOW, audit)
    assert Experiments(ledger).all() == []
    assert audit.entries() == []


def test_of_a_model_one_experiment_runs_at_a_time(ledger: Ledger, audit: Audit) -> None:
    Experiments(ledger).start("churn", B, 0.1, "try", NOW, audit)
    with pytest.raises(AimloopError, match=f"experiment 1 of churn is running, with {B}"):
        Experiments(ledger).start("churn", C, 0.1, "try", NOW, audit)
    unchecked = ExperimentRow(
        model="churn", champion=A, challenger=C, salt="s", share=0.1, is_shadow=False, started_at=NOW, reason="try"
    )
    with pytest.raises(IntegrityError, match="UNIQUE"), ledger.transaction() as session:
        session.add(unchecked)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.5, float("nan"), float("inf")])
def test_a_share_lies_between_nobody_and_everybody(ledger: Ledger, audit: Audit, share: float) -> None:
    experiments = Experiments(ledger)
    with pytest.raises(AimloopError, match="a share lies between 0 and 1"):
        experiments.start("churn", B, share, "try", NOW, audit)
    experiments.start("churn", B, 0.1, "try", NOW, audit)
    with pytest.raises(AimloopError, match="a share lies between 0 and 1"):
        experiments.raise_share("churn", share, NOW, audit)


@pytest.mark.parametrize("share", [0.1, 0.05])
def test_a_share_is_never_lowered(ledger: Ledger, audit: Audit, share: float) -> None:
    experiments = Experiments(ledger)
    experiments.start("churn", B, 0.1, "try", NOW, audit)
    with pytest.raises(AimloopError, match="only ever raised"):
        experiments.raise_share("churn", share, LATER, audit)
    assert experiments.running()["churn"].steps == ((0.1, NOW),)


@pytest.mark.parametrize(
    ("which", "what"), [("ctr", "no experiment of 'ctr' runs"), (1, "experiment 1 is not running")]
)
def test_what_does_not_run_is_neither_raised_nor_ended(
    ledger: Ledger, audit: Audit, which: str | int, what: str
) -> None:
    experiments = Experiments(ledger)
    experiments.start("churn", B, 0.1, "try", NOW, audit)
    experiments.end(1, "enough", NOW, audit)
    with pytest.raises(AimloopError, match=what):
        experiments.raise_share(which, 0.2, NOW, audit)
    with pytest.raises(AimloopError, match=what):
        experiments.end(which, "enough", NOW, audit)


@pytest.mark.parametrize("reason", ["", " "])
def test_start_and_end_need_a_reason(ledger: Ledger, audit: Audit, reason: str) -> None:
    experiments = Experiments(ledger)
    with pytest.raises(AimloopError, match="needs a reason"):
        experiments.start("churn", B, 0.1, reason, NOW, audit)
    experiments.start("churn", B, 0.1, "try", NOW, audit)
    with pytest.raises(AimloopError, match="needs a reason"):
        experiments.end("churn", reason, NOW, audit)


# ── erased people, and champions that go ──────────────────────────────────────────────────────


def test_a_challenger_that_learned_from_someone_erased_is_refused(ledger: Ledger, audit: Audit) -> None:
    ledger.mark_influenced([B], "tombstone", NOW)
    with pytest.raises(AimloopError, match="learned from 1 since erased"):
        Experiments(ledger).start("churn", B, 0.1, "try", NOW, audit)


def test_one_that_did_while_it_was_challenger_gets_no_more_and_the_next_run_ends_it(
    ledger: Ledger, audit: Audit
) -> None:
    experiments = Experiments(ledger)
    experiments.start("churn", B, 0.1, "try", NOW, audit)
    ledger.mark_influenced([B], "tombstone", NOW)
    with pytest.raises(AimloopError, match="learned from 1 since erased"):
        experiments.raise_share("churn", 0.2, NOW, audit)

    ledger.register("churn:d", "churn", "c1", {"as_of": "2017-12-11"}, {}, LATER)
    (ended,) = experiments.all()
    assert (ended.ended_at, ended.end_reason) == (LATER, "its challenger learned from someone who has been erased")
    assert ledger.champion("churn") == A


def test_an_experiment_ends_with_the_champion_that_a_run_replaces(ledger: Ledger, audit: Audit) -> None:
    experiments = Experiments(ledger)
    experiments.start("churn", B, 0.1, "try", NOW, audit)
    ledger.register("churn:d", "churn", "c1", {"as_of": "2017-12-11"}, {}, LATER, unusable="it is torn")
    (ended,) = experiments.all()
    assert ended.end_reason == f"churn:d became champion: the champion {A} could not be used: it is torn"
