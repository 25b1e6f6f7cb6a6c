"""`aimloop audience` and `aimloop audit`, as a marketer uses them after a cycle."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from flows.audience import without_details
from flows.cli import app
from tests.e2e.conftest import SmallCycle

EVERYBODY = ("audience", "--where", "true")


class InProcess:
    """The command over a state folder, called in this process: it is over in a moment."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def __call__(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        result = CliRunner().invoke(app, arguments, env={"AIMLOOP_STATE": str(self.state), **environ})
        return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)


@pytest.fixture(autouse=True)
def _put_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Opening the door sets homes and the umask of this process."""
    for name in ("BENTOML_HOME", "PREFECT_HOME"):
        monkeypatch.setenv(name, os.environ[name])
    umask = os.umask(0o077)
    yield
    os.umask(umask)


@pytest.fixture
def aimloop(small_cycle: SmallCycle, tmp_path: Path) -> InProcess:
    """The small cycle's state, to write into."""
    shutil.copytree(small_cycle.state, tmp_path / "state", ignore=shutil.ignore_patterns("bentoml", "prefect", "dbt"))
    return InProcess(tmp_path / "state")


def trail(aimloop: InProcess) -> list[dict[str, object]]:
    return json.loads(aimloop("audit", "--json").stdout)["entries"]


def test_from_what_one_may_ask_for_to_a_list_on_record(aimloop: InProcess, tmp_path: Path) -> None:
    columns = {c["column"]: c["values"] for c in json.loads(aimloop("audience", "--json").stdout)["columns"]}
    segment = columns["segment"][0].rpartition(" ")[0]
    where = f"segment = {segment} and churn_probability >= 0"
    asked = ("audience", "--where", where, "--channel", "email", "--json")

    counted = json.loads(aimloop(*asked).stdout)
    assert trail(aimloop) == []  # a count names nobody
    out = tmp_path / "list.csv"
    done = aimloop(*asked, "--limit", "5", "--order-by", "churn_probability desc", "--out", str(out))

    summary, content = json.loads(done.stdout), out.read_bytes()
    assert counted["matched"] == counted["chosen"] == int(columns["segment"][0].rpartition("(")[2].rstrip(")"))
    assert (summary["matched"], summary["chosen"]) == (counted["matched"], 5)
    assert summary["beyond_limit"] == counted["matched"] - 5
    listed = pd.read_csv(out, dtype={"customer_id": str})
    assert listed["customer_id"].str.fullmatch(r"\d+").all()  # the company's own ids
    assert set(listed["segment"]) == {segment.strip("'")}
    assert listed["churn_probability"].is_monotonic_decreasing
    assert not {"name", "phone", "email", "pseudonym"} & set(listed)
    (entry,) = trail(aimloop)
    details = entry["details"]
    assert isinstance(details, dict)
    assert (entry["action"], entry["role"], entry["is_intact"]) == ("audience", "analyst", True)
    assert (details["where"], details["channel"], details["chosen"]) == (where, "email", 5)
    assert details["sha256"] == summary["sha256"] == hashlib.sha256(content).hexdigest()
    assert not any(customer_id in json.dumps(entry) for customer_id in listed["customer_id"] if len(customer_id) > 3)


def test_contact_details_need_a_role_that_may_and_a_refusal_is_on_record(aimloop: InProcess, tmp_path: Path) -> None:
    out = tmp_path / "list.csv"
    asked = (*EVERYBODY, "--channel", "sms", "--contact", "--out", str(out))

    refused = aimloop(*asked)
    assert refused.returncode == 2
    assert "the role 'analyst' may not be given contact details" in refused.stderr
    assert not out.exists()
    allowed = aimloop(*asked, AIMLOOP_ROLE="marketer")
    assert allowed.returncode == 0, allowed.stderr

    listed = pd.read_csv(out, dtype=str)
    assert listed["phone"].str.fullmatch(r"\d{11}").all()
    assert "email" not in listed  # this channel does not need it
    assert [(e["action"], e["role"]) for e in trail(aimloop)] == [
        ("audience refused", "analyst"),
        ("audience", "marketer"),
    ]
    ledger = b"".join(file.read_bytes() for file in aimloop.state.glob("ledger.sqlite*"))
    assert not any(phone.encode() in ledger for phone in listed["phone"])


def test_a_list_can_be_printed_and_a_file_is_not_overwritten(aimloop: InProcess, tmp_path: Path) -> None:
    printed = aimloop(*EVERYBODY, "--limit", "2", "--out", "-")
    assert printed.stdout.splitlines()[0].startswith("customer_id,segment,")
    assert len(printed.stdout.splitlines()) == 3
    assert "written" in printed.stderr

    out = tmp_path / "list.parquet"
    assert aimloop(*EVERYBODY, "--out", str(out)).returncode == 0
    again = aimloop(*EVERYBODY, "--limit", "1", "--out", str(out))
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert len(pd.read_parquet(out)) > 1
    assert aimloop(*EVERYBODY, "--limit", "1", "--out", str(out), "--force").returncode == 0
    assert len(pd.read_parquet(out)) == 1


def test_a_changed_trail_is_reported(aimloop: InProcess) -> None:
    aimloop(*EVERYBODY, "--out", "-")
    with sqlite3.connect(aimloop.state / "ledger.sqlite") as connection:
        connection.execute("DROP TRIGGER audit_refuses_update")
        connection.execute("UPDATE audit SET user = 'nobody'")

    shown = aimloop("audit")

    assert shown.returncode == 2
    assert "changed at entry 1" in shown.stderr
    assert "nobody" in shown.stdout
    assert aimloop("audit", "verify").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--where", "segmnt = 'x'"), "did you mean 'segment'?"),
        (("--where", "segment in (select 1)"), "is not allowed there"),
        (("--out", "list.csv"), "--where is missing"),
        (("--where", "true", "--out", "list.xlsx"), "end it in .csv or .parquet"),
        (("--where", "true", "--out", "-", "--json"), "would both print"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_remedy(
    small_cycle: SmallCycle, arguments: tuple[str, ...], said: str
) -> None:
    done = InProcess(small_cycle.state)("audience", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("where", "recorded"),
    [
        ("region = 'ada@example.com' or orders_28d > 3", "region = '***' or orders_28d > 3"),
        ("region = '13812341234'", "region = '***'"),
        ("region = '+49 (170) 123-4567'", "region = '***'"),
        ("signed_up_at > timestamp '2017-01-01 10:00:00' and amount_28d > 0.123456789", None),
        ("segment in ('important win-back', 'a 12') and tenure_days > 365", None),
    ],
)
def test_the_record_of_a_condition_holds_no_contact_details(where: str, recorded: str | None) -> None:
    assert without_details(where) == (recorded or where)
