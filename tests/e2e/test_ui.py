"""A cycle run the way people do it in the Prefect UI: through the API that the UI calls."""

import json
import socket
import time
from datetime import UTC, datetime
from uuid import uuid4

import httpx

from flows import retrain
from tests.e2e.conftest import AS_OF, SmallCycle

RUNNING = {"SCHEDULED", "PENDING", "RUNNING"}


def run_of_the_automation(api: httpx.Client, small_cycle: SmallCycle) -> dict:
    """What came of the event that a drift verdict emits; nothing is asked in the ledger, so that it has soon ended."""
    (automation,) = api.post("/automations/filter", json={}).raise_for_status().json()
    assert (automation["name"], automation["enabled"]) == ("retrain-on-drift", True)
    emitted = {
        "occurred": f"{datetime.now(UTC).isoformat()}",
        "event": retrain.EVENT,
        "resource": {"prefect.resource.id": "aimloop.model.ctr"},
        "id": str(uuid4()),
    }
    api.post("/events", json=[emitted]).raise_for_status()
    wanted = {"deployments": {"name": {"any_": ["on-drift"]}}}
    deadline = time.monotonic() + 120
    while True:
        runs = api.post("/flow_runs/filter", json=wanted).raise_for_status().json()
        if runs and runs[0]["state"]["type"] not in RUNNING:
            (run,) = runs
            return dict(run)
        assert time.monotonic() < deadline, runs
        time.sleep(0.5)


def test_a_deployed_cycle_runs_from_the_ui(small_cycle: SmallCycle) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    ui = small_cycle.aimloop.start("ui", "--json", AIMLOOP_UI_PORT=port)
    try:
        assert ui.stdout is not None
        announced = json.JSONDecoder().raw_decode("".join(iter(ui.stdout.readline, "}\n")) + "}")[0]
        assert announced["deployments"] == ["cycle/weekly", "watch/daily", "evaluate/hourly", "retrain/on-drift"]
        with httpx.Client(base_url=f"{announced['url']}/api", timeout=30) as api:
            weekly = api.get("/deployments/name/cycle/weekly").raise_for_status().json()
            assert [s["schedule"]["cron"] for s in weekly["schedules"]] == ["0 5 * * 1"]
            asked = {"parameters": {"as_of": f"{AS_OF}T00:00:00Z"}}
            run = api.post(f"/deployments/{weekly['id']}/create_flow_run", json=asked).raise_for_status().json()
            deadline = time.monotonic() + 180
            while (state := api.get(f"/flow_runs/{run['id']}").json()["state"])["type"] in RUNNING:
                assert time.monotonic() < deadline, state
                time.sleep(0.5)
            assert state["type"] == "COMPLETED", state
            retrained = run_of_the_automation(api, small_cycle)
            artifacts = api.post("/artifacts/latest/filter", json={}).raise_for_status().json()
    finally:
        ui.terminate()
        ui.communicate(timeout=90)
    assert retrained["state"]["type"] == "COMPLETED", retrained["state"]
    kinds = {artifact["key"]: artifact["type"] for artifact in artifacts}
    for key, kind in (
        ("budget-plan", "table"),
        ("model-metrics", "markdown"),
        ("dbt-tests", "table"),
        ("data-quality", "table"),
    ):
        assert kinds[key] == kind
    assert {"budget-report", "landed-rows", "drift-verdicts", "drift-ctr"} <= set(kinds)
