"""`aimloop alerts`, as people on call and those who set it up use it."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from flows.alert import announce
from flows.cli import app
from flows.context import Door
from monitoring.alerts import Condition, News
from tests.integration.receivers import Receiver

Aimloop = Callable[..., Result]
SECRET = "a-path-that-nobody-may-see"
MAIL = ("--host", "mail.example.com", "--from", "aimloop@example.com", "--to", "a@example.com")


@pytest.fixture
def aimloop(quiet_door: Door, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aimloop]:
    """The command, called in this process, whose homes and umask are put back; ``stdin`` is what is typed."""
    for name in ("BENTOML_HOME", "PREFECT_HOME"):
        monkeypatch.setenv(name, os.environ[name])
    umask = os.umask(0o077)

    def call(*words: str, stdin: str = "", **environ: str) -> Result:
        told = {"AIMLOOP_STATE": str(quiet_door.state.root), **environ}
        return CliRunner().invoke(app, ("alerts", *words), input=stdin, env=told)

    yield call
    os.umask(umask)


def document(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def test_a_webhook_from_its_making_to_its_end(aimloop: Aimloop, receiver: Receiver) -> None:
    made = aimloop("add", "webhook", "pager", stdin=f"{receiver.url}/{SECRET}\n")
    assert made.exit_code == 0, made.output
    assert '[alerts]\nblocks = ["custom-webhook/pager"]\n' in made.stdout
    assert SECRET not in made.output
    again = aimloop("add", "webhook", "pager", "--secret-from", "HOOK", HOOK=f"{receiver.url}/{SECRET}")
    assert again.exit_code == 2
    assert "--replace" in again.stderr
    from_variables = ("--secret-from", "HOOK", "--token-from", "TOKEN", "--replace", "--json")
    given = {"HOOK": f"{receiver.url}/{SECRET}", "TOKEN": SECRET}
    assert document(aimloop("add", "webhook", "pager", *from_variables, **given)) == {"block": "custom-webhook/pager"}

    sent = document(aimloop("test", "custom-webhook/pager", "--json"))
    assert sent == {"blocks": [{"block": "custom-webhook/pager", "sent": True, "failure": None}]}
    assert [told["subject"] for told in receiver.documents] == ["[aimloop] test"]
    receiver.status = 503
    failed = aimloop("test", AIMLOOP_ALERTS__BLOCKS="custom-webhook/pager")
    assert failed.exit_code == 1
    assert failed.stdout == "custom-webhook/pager  failed: it answered 503\n"

    removed = aimloop("remove", "custom-webhook/pager", AIMLOOP_ALERTS__BLOCKS="custom-webhook/pager")
    assert removed.stdout == "custom-webhook/pager is removed; take it out of [alerts] in aimloop.toml too.\n"
    assert aimloop("remove", "custom-webhook/pager").exit_code == 2


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (("add", "slack", "On Call"), "", "is no name of a block"),
        (("add", "slack", "on-call"), "", "the webhook of Slack is missing: standard input is empty"),
        (("add", "slack", "on-call", "--secret-from", "NOWHERE"), "", "the variable NOWHERE is empty"),
        (("add", "slack", "on-call"), "https://example.com/services/T/B/x", "that is no webhook of Slack"),
        (("add", "webhook", "on-call"), "ftp://example.com", "that is no address to post to"),
        (("add", "email", "on-call", *MAIL, "--to", "c"), "", "'c' is no address"),
        (("add", "email", "on-call", *MAIL, "--user", "u", "--security", "none"), "", "would travel unencrypted"),
        (("test",), "", "no block is named in the settings"),
    ],
)
def test_what_cannot_work_is_refused_before_a_server_is_asked(
    aimloop: Aimloop, words: tuple[str, ...], stdin: str, said: str
) -> None:
    refused = aimloop(*words, stdin=stdin)
    assert refused.exit_code == 2
    assert said in refused.stderr


def test_mail_is_kept_and_its_password_is_not_shown(aimloop: Aimloop) -> None:
    from prefect.blocks.core import Block

    import flows.email  # noqa: F401  (so that Prefect knows the type)

    made = aimloop("add", "email", "night-watch", *MAIL, "--user", "u", "--security", "tls", stdin=f"{SECRET}\n")
    assert made.exit_code == 0, made.output
    block: Any = Block.load("email/night-watch")
    assert (block.port, block.recipients, block.password.get_secret_value()) == (465, ["a@example.com"], SECRET)
    assert SECRET not in made.output + repr(block)


def test_the_list_says_what_is_wrong_and_who_was_told(aimloop: Aimloop, quiet_door: Door) -> None:
    assert "No incident is open." in aimloop().stdout
    assert "Nobody is told" in aimloop("list").stdout
    drift = Condition("drift.ctr", False, "critical", "drift in ctr", ("price [moved]", "b", "c", "d"), "/r/drift.html")
    late = Condition("quality.freshness", False, "warning", "data are late")
    announce(quiet_door, [drift, late], [News("promoted.churn:b", "churn:b is champion")])
    announce(quiet_door, [Condition("quality.freshness", True, "warning", "fresh")])
    shown = aimloop().stdout
    assert "CRITICAL  drift in ctr  (drift.ctr)\n" in shown
    assert "      - price [moved]\n      - b\n      - c\n      report: /r/drift.html\n      nobody was told\n" in shown
    assert "data are late  (quality.freshness)" in shown.partition("resolved\n")[2]
    assert "churn:b is champion" in shown.partition("news\n")[2]
    told = document(aimloop("--json"))
    assert [each["key"] for each in told["open"]] == ["drift.ctr"]
    assert [each["key"] for each in told["resolved"]] == ["quality.freshness"]
    assert [each["kind"] for each in told["open"][0]["messages"]] == ["opened"]
    assert len(told["news"]) == 1
