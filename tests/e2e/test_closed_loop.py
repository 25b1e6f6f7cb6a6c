"""A challenger comes to its customers, wins on what applications report, and answers everybody: with real services."""

import json
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.benchmarks.serving import steadfast
from tests.conftest import Aimloop
from tests.e2e.conftest import SmallCycle
from tests.e2e.service import served
from tests.load.traffic import Shown, drawn

# days and numbers of customers of a small town's afternoon; the judge is the same
AT_ONCE = {
    "experiments__shadow_days": 0,
    "experiments__ramp_days": 0,
    "experiments__min_days": 0,
    "experiments__ramp_shares": "0.5",
    "experiments__min_customers": 30,
    "experiments__expected_lift": 5,
    "experiments__attribution_days": 2 / 86_400,  # a prediction counts once its time for outcomes is over
    "services__prediction_log_seconds": 1,
}
LOG_CLOSED_AFTER = 3.0  # seconds
OF_THE_LOOP = {"experiment started": "analyst", "experiment share": "loop", "promote": "loop"}


@pytest.fixture(scope="module")
def aimloop(small_cycle: SmallCycle, tmp_path_factory: pytest.TempPathFactory) -> Aimloop:
    """The small cycle once more, where experiments are soon decided."""
    state = tmp_path_factory.mktemp("loop") / "state"
    return Aimloop(Path(shutil.copytree(small_cycle.state, state, symlinks=True)), **AT_ONCE)


@pytest.fixture(scope="module")
def challenger(aimloop: Aimloop) -> str:
    return steadfast.second_version(aimloop.environ)


@pytest.fixture(scope="module")
def service(aimloop: Aimloop, challenger: str) -> Iterator[httpx.Client]:
    with served(aimloop) as client:
        yield client


@pytest.fixture(scope="module")
def shown(aimloop: Aimloop) -> list[Shown]:
    """One impression of every customer."""
    by_customer = {one.customer_id: one for one in drawn(steadfast.opened(aimloop.environ), 3_000)}
    assert len(by_customer) > 120
    return list(by_customer.values())


def told(aimloop: Aimloop, *arguments: str) -> dict:
    done = aimloop(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def evaluated(aimloop: Aimloop) -> dict:
    time.sleep(LOG_CLOSED_AFTER)
    (result,) = told(aimloop, "evaluate")["experiments"]
    return dict(result)


def answers(service: httpx.Client, shown: list[Shown]) -> list[dict]:
    """Who said what of each impression, asked one customer at a time."""
    found = []
    for one in shown:
        asked = {"customer_id": one.customer_id, "ads": [{"product_id": one.product_id, "channel": one.channel}]}
        (row,) = service.post("/ctr", json=asked).raise_for_status().json()["impressions"]
        found.append(row | {"occurred_at": datetime.now(UTC).isoformat()})
    return found


def until_it_answers(service: httpx.Client, shown: list[Shown], variant: str, tag: str) -> list[dict]:
    """Services take up a change of the ledger within seconds."""
    deadline = time.monotonic() + 15
    while not any((row["variant"], row["model"]) == (variant, tag) for row in answers(service, shown[:20])):
        assert time.monotonic() < deadline
    return answers(service, shown)


def test_from_the_shadow_over_half_of_the_customers_to_champion(
    aimloop: Aimloop, service: httpx.Client, challenger: str, shown: list[Shown]
) -> None:
    told(aimloop, "experiments", "start", challenger, "--shadow", "--because", "a test")
    time.sleep(2)  # the service takes the shadow up
    assert {row["variant"] for row in answers(service, shown)} == {"champion"}

    raised = evaluated(aimloop)
    assert (raised["action"], raised["share"]) == ("raise", 0.5), raised

    rows = until_it_answers(service, shown, "challenger", challenger)
    both = {variant: [row for row in rows if row["variant"] == variant] for variant in ("champion", "challenger")}
    assert min(map(len, both.values())) > 30
    clicked = [*both["challenger"][::2], *both["champion"][::20]]  # half of its customers click, else one in twenty
    outcomes = [
        {
            "outcome_id": row["prediction_id"],
            "prediction_id": row["prediction_id"],
            "kind": "clicked",
            "occurred_at": row["occurred_at"],
        }
        for row in clicked
    ]
    for _ in range(2):  # twice told is told once
        service.post("/outcomes", json={"outcomes": outcomes}).raise_for_status()

    won = evaluated(aimloop)
    assert won["action"] == "promote", won
    assert won["estimates"]["click_rate"]["low"] > 0
    assert sum(won["estimates"]["click_rate"]["customers"]) >= len(shown)
    everybody = until_it_answers(service, shown, "champion", challenger)
    assert {(row["variant"], row["model"]) for row in everybody} == {("champion", challenger)}

    (experiment,) = told(aimloop, "experiments")["experiments"]
    assert experiment["end_reason"].startswith(f"{challenger} became champion: experiment {experiment['id']}")
    trail = [entry for entry in told(aimloop, "audit")["entries"] if entry["action"] in OF_THE_LOOP]
    assert [(entry["action"], entry["role"]) for entry in trail] == list(OF_THE_LOOP.items())
    assert aimloop("audit", "verify").returncode == 0
