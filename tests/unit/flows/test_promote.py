"""`aimloop promote`, `rollback`, `experiments` and `audit verify`, as people on call use them."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from uuid import uuid4

import pandas as pd
import pytest
from click.testing import Result
from typer.testing import CliRunner

from flows.cli import app
from flows.context import Door
from infra import registry

NOW = datetime(2017, 12, 4)
Aimloop = Callable[..., Result]


@pytest.fixture
def aimloop(door: Door, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aimloop]:
    """The command over the small state, called in this process, whose homes and umask are put back."""
    for name in ("BENTOML_HOME", "PREFECT_HOME"):
        monkeypatch.setenv(name, os.environ[name])
    umask = os.umask(0o077)
    yield lambda *words: CliRunner().invoke(app, words, env={"AIMLOOP_STATE": str(door.state.root)})
    os.umask(umask)


def versions(door: Door, model: str) -> list[str]:
    """Three versions in the ledger and in the store; the first is champion."""
    tags = []
    for day in (4, 5, 6):
        cycle_id = f"20171204t000000-{uuid4().hex[:8]}"
        tag = registry.tag_of(model, cycle_id)
        registry.save(tag, "fitted", pd.DataFrame({"orders": [1]}), {})
        door.ledger.begin_cycle(cycle_id, NOW, "company", NOW)
        door.ledger.register(tag, model, cycle_id, {"as_of": f"2017-12-0{day}"}, {}, NOW)
        tags.append(tag)
    return tags


@pytest.fixture
def tags(door: Door) -> list[str]:
    return versions(door, "churn")


@pytest.fixture
def clicks(door: Door) -> list[str]:
    """Of the model whose versions customers are shared between."""
    return versions(door, "ctr")


def document(result: Result) -> dict:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def trail(aimloop: Aimloop) -> list[dict]:
    return document(aimloop("audit", "--json"))["entries"]


def test_promote_and_back(aimloop: Aimloop, door: Door, tags: list[str]) -> None:
    first, second, _ = tags
    done = document(aimloop("promote", second, "--because", "ranks better", "--json"))
    assert done == {"model": "churn", "champion": second, "instead_of": first, "ended_experiment": None}
    assert door.ledger.champion("churn") == second

    said = aimloop("rollback", "churn", "--because", "complaints")
    assert said.stdout == f"{first} is champion of churn, instead of {second}.\n"
    assert door.ledger.champion("churn") == first
    assert [(e["action"], e["details"]["because"]) for e in trail(aimloop)] == [
        ("promote", "ranks better"),
        ("rollback", "complaints"),
    ]
    refused = aimloop("rollback", "churn", "--because", "complaints")
    assert refused.exit_code == 2
    assert f"no champion of churn before {first}" in refused.stderr


@pytest.mark.parametrize("words", [("promote", "churn:x"), ("rollback", "churn"), ("experiments", "end", "churn")])
def test_a_reason_is_asked_for(aimloop: Aimloop, words: tuple[str, ...]) -> None:
    refused = aimloop(*words)
    assert refused.exit_code == 2
    assert "--because" in refused.stderr


def test_a_version_that_cannot_be_loaded_becomes_nothing(aimloop: Aimloop, door: Door, tags: list[str]) -> None:
    first, second, third = tags
    assert aimloop("promote", second, "--because", "better").exit_code == 0
    for tag in (first, third):
        file = registry._folder(tag) / "fitted.joblib"
        file.write_bytes(file.read_bytes()[:10])
    for words in (("promote", third), ("experiments", "start", third, "--shadow"), ("rollback", "churn")):
        refused = aimloop(*words, "--because", "try")
        assert refused.exit_code == 2
        assert "cannot be read" in refused.stderr
    assert "the champion before cannot come back" in refused.stderr
    assert door.ledger.champion("churn") == second
    assert len(trail(aimloop)) == 1


def test_who_has_seen_another_champion_is_told(aimloop: Aimloop, door: Door, tags: list[str]) -> None:
    first, second, third = tags
    assert aimloop("promote", second, "--because", "better").exit_code == 0
    for words in (("promote", third), ("rollback", "churn")):
        refused = aimloop(*words, "--because", "best", "--instead-of", first)
        assert refused.exit_code == 2
        assert f"{second} is, since" in refused.stderr
    assert door.ledger.champion("churn") == second


def test_an_experiment_from_start_to_promotion(aimloop: Aimloop, clicks: list[str]) -> None:
    first, second, _ = clicks
    assert "No experiments yet" in aimloop("experiments").stdout
    said = aimloop("experiments", "start", second, "--shadow", "--because", "is it fast?")
    assert said.stdout == f"Experiment 1 of ctr: {second} is asked for everybody and answers nobody (shadow).\n"
    raised = document(aimloop("experiments", "share", "ctr", "0.1", "--json"))
    assert (raised["share"], raised["is_shadow"]) == (0.1, False)
    assert [step["share"] for step in raised["steps"]] == [0.0, 0.1]
    said = aimloop("experiments", "share", "ctr", "0.25", "--because", "no complaints")
    assert said.stdout == f"Experiment 1 of ctr: {second} answers 0.25 of the customers.\n"

    standing = {v["tag"]: (v["standing"], v["share"]) for v in document(aimloop("models", "--json"))["models"]}
    assert [standing[tag] for tag in clicks] == [("champion", None), ("challenger", 0.25), ("candidate", None)]
    assert "challenger, 25 %" in aimloop("models").stdout

    assert "Experiment 1 ended with it." in aimloop("promote", second, "--because", "won").stdout
    (listed,) = document(aimloop("experiments", "list", "--json"))["experiments"]
    assert (listed["champion"], listed["end_reason"]) == (first, f"{second} became champion: won")
    shown = aimloop("experiments").stdout
    assert f"1  {second} beside {first}" in shown
    assert "share shadow → 0.1 → 0.25; from" in shown
    assert f"is it fast?; ended: {second} became champion: won" in shown
    assert [entry["action"] for entry in trail(aimloop)] == [
        "experiment started", "experiment share", "experiment share", "promote",
    ]  # fmt: skip


def test_an_experiment_that_is_ended(aimloop: Aimloop, clicks: list[str]) -> None:
    assert aimloop("experiments", "start", clicks[1], "--share", "0.1", "--because", "try").exit_code == 0
    said = aimloop("experiments", "end", "ctr", "--because", "no better")
    ended, follows = said.stdout.splitlines()
    assert ended == f"Experiment 1 of ctr: ended: {clicks[0]} answers everybody."
    assert follows.startswith("Next: the next cycle's candidate is tried by itself if it passes its gate")
    assert trail(aimloop)[-1]["details"]["because"] == "no better"


def test_after_an_end_by_hand_people_hear_who_waits(aimloop: Aimloop, door: Door, clicks: list[str]) -> None:
    from infra.evaluations import Challenge, Evaluations

    _, second, third = clicks
    assert aimloop("experiments", "start", second, "--shadow", "--because", "try").exit_code == 0
    Evaluations(door.ledger).write(Challenge(third, "ctr", NOW, "waits", "experiment 1 runs"))
    said = document(aimloop("experiments", "end", "ctr", "--because", "legal: no tests this month", "--json"))
    assert said["follows"][0] == (
        f"{third} waits and is not tried by itself: `aimloop experiments start {third} --shadow --because …` tries it"
    )


def test_of_a_model_that_scores_everybody_no_share_is_answered(aimloop: Aimloop, tags: list[str]) -> None:
    """With a share no row would be scored by both versions: the experiment could never be decided."""
    refused = aimloop("experiments", "start", tags[1], "--share", "0.1", "--because", "try")
    assert refused.exit_code == 2
    assert "churn is tried in the shadow" in refused.stderr
    assert "give --shadow instead of --share" in refused.stderr
    assert trail(aimloop) == []
    assert aimloop("experiments", "start", tags[1], "--shadow", "--because", "try").exit_code == 0
    refused = aimloop("experiments", "share", "churn", "0.1")
    assert refused.exit_code == 2
    assert "churn is tried in the shadow" in refused.stderr
    assert len(trail(aimloop)) == 1


@pytest.mark.parametrize("how", [(), ("--share", "0.1", "--shadow")])
def test_an_experiment_has_a_share_or_a_shadow(aimloop: Aimloop, tags: list[str], how: tuple[str, ...]) -> None:
    refused = aimloop("experiments", "start", tags[1], *how, "--because", "try")
    assert refused.exit_code == 2
    assert "give --share 0.1, or --shadow" in refused.stderr


# ── audit verify ──────────────────────────────────────────────────────────────────────────────


def test_verify_says_what_to_note_and_finds_it_again(aimloop: Aimloop, door: Door) -> None:
    first = door.audit.record("audience", {"written": 3}, NOW)
    last = door.audit.record("audience", {"written": 4}, NOW)
    said = aimloop("audit", "verify")
    assert said.exit_code == 0
    assert "intact: 2 entries" in said.stdout
    assert last in said.stdout
    assert "1 since the expected one" in aimloop("audit", "verify", "--expect", first).stdout
    found = document(aimloop("audit", "verify", "--expect", last, "--json"))
    assert (found["is_intact"], found["entries"], found["last_hash"], found["since_expected"]) == (True, 2, last, 0)


def test_an_edit_by_hand_is_found(aimloop: Aimloop, door: Door) -> None:
    for written in (1, 2, 3):
        door.audit.record("audience", {"written": written}, NOW)
    with closing(sqlite3.connect(door.state.ledger)) as connection, connection:
        connection.execute("DROP TRIGGER audit_refuses_update")
        connection.execute("""UPDATE audit SET details = '{"written": 0}' WHERE id = 2""")
    said = aimloop("audit", "verify")
    assert said.exit_code == 1
    assert "entry 2 of 2017-12-04 00:00:00 UTC" in said.stdout
    told = aimloop("audit", "verify", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["first_changed"]["position"] == 2


def test_a_row_that_cannot_be_read_any_more_is_found_and_shown(aimloop: Aimloop, door: Door) -> None:
    door.audit.record("audience", {"written": 1}, NOW)
    with closing(sqlite3.connect(door.state.ledger)) as connection, connection:
        connection.execute("DROP TRIGGER audit_refuses_update")
        connection.execute("UPDATE audit SET recorded_at = 'yesterday'")
    assert "entry 1, " in aimloop("audit", "verify").stdout
    shown = aimloop("audit")
    assert shown.exit_code == 2
    assert "an unreadable time" in shown.stdout


def test_a_hash_that_is_gone_is_told_and_one_that_is_none_is_refused(aimloop: Aimloop, door: Door) -> None:
    door.audit.record("audience", {"written": 1}, NOW)
    gone = aimloop("audit", "verify", "--expect", "a" * 64)
    assert gone.exit_code == 1
    assert "no entry has the expected hash" in gone.stdout
    refused = aimloop("audit", "verify", "--expect", "abc")
    assert refused.exit_code == 2
    assert "is no hash" in refused.stderr
