"""The services of a small cycle over HTTP: profiles, plans, outcomes, health, and what the document promises."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest

from bentos.live import LOOK_SECONDS
from infra import warehouse
from infra.contracts import CustomerFeatures
from infra.keys import open_keys
from infra.settings import load
from infra.state import State
from tests.conftest import PLANTED_ID
from tests.e2e.conftest import SmallCycle
from tests.services import issued_key

AD = {"product_id": "1029743", "channel": "mailer", "placement": "display 0, mailer A"}
PLANTED = str(PLANTED_ID)


@pytest.fixture(scope="module")
def document(service: httpx.Client) -> dict[str, Any]:
    return dict(service.get("/docs.json").raise_for_status().json())


def fits(document: dict[str, Any], answer: httpx.Response) -> Any:
    """The answer's content, which is of the shape that the document tells."""
    method, path = answer.request.method.lower(), answer.request.url.path
    told = document["paths"][path][method]["responses"][str(answer.status_code)]
    schema = told["content"]["application/json"]["schema"]
    jsonschema_rs.validator_for({**schema, "components": document["components"]}).validate(answer.json())
    return answer.json()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/segment", {"customer_id": PLANTED, "explain": True}),
        ("/segment", {"customer_ids": [PLANTED, "nobody"]}),
        ("/churn", {"customer_id": PLANTED, "explain": True}),
        ("/churn", {"customer_ids": [PLANTED, "nobody"] * 400}),
        ("/clv", {"customer_id": PLANTED, "explain": True}),
        ("/ctr", {"customer_id": PLANTED, "ads": [AD] * 200}),
        ("/ctr", {"impressions": [{"customer_id": "nobody", "product_id": "nothing"}], "explain": True}),
        ("/profile", {"customer_ids": [PLANTED, "nobody"]}),
        ("/plan", {"budgets": [1_130_000, 5]}),
        ("/churn", {"customer_id": 7}),
        ("/ctr", {"customer_id": PLANTED, "ads": []}),
        ("/plan", {"budgets": [1_130_000], "changes": [{"channel": "feed", "max_units": 8_000}]}),
        ("/plan", {"budgets": [-1]}),
        ("/plan", {"budgets": [1], "changes": [{"channel": "nobody's", "max_units": 8_000}]}),
    ],
)
def test_answers_and_refusals_are_of_the_shape_that_the_document_tells(service, document, path, body) -> None:
    fits(document, service.post(path, json=body))


@pytest.mark.parametrize("path", ["/plan", "/health"])
def test_what_is_asked_without_a_body_is_of_its_shape_too(service, document, path) -> None:
    fits(document, service.get(path))


def test_many_ads_for_one_customer_are_scored_as_pairs_are(service: httpx.Client) -> None:
    ads = [AD, {"product_id": "862139"}, {"product_id": "nothing"}]
    pairs = [{"customer_id": PLANTED, **ad} for ad in ads]
    said = [
        [
            {name: value for name, value in row.items() if name != "prediction_id"}
            for row in service.post("/ctr", json=asked).raise_for_status().json()["impressions"]
        ]
        for asked in ({"customer_id": PLANTED, "ads": ads}, {"impressions": pairs})
    ]
    assert said[0] == said[1]
    assert [row["is_known_product"] for row in said[0]] == [True, True, False]


def test_a_profile_is_what_the_models_were_given(small_cycle: SmallCycle, service: httpx.Client) -> None:
    settings = load(small_cycle.aimloop.environ, small_cycle.state)
    state = State(settings.state)
    pseudonym = open_keys(settings, state).pseudonymise(PLANTED)
    generation = warehouse.published(state)
    assert generation is not None
    (row,) = generation.read(CustomerFeatures, "customer_profiles", "pseudonym = $id", id=pseudonym).to_dict("records")
    answer = service.post("/profile", json={"customer_id": PLANTED}).raise_for_status().json()
    features = answer["customers"][0]["features"]
    assert answer["as_of"] == row["snapshot_at"].isoformat()
    for name in ("days_since_last_order", "orders_84d", "amount_84d"):
        assert features[name] == pytest.approx(float(row[name]), rel=1e-12)
    assert "pseudonym" not in features
    assert pseudonym not in json.dumps(answer)


def test_whoever_reads_many_profiles_is_on_the_audit_trail(small_cycle: SmallCycle, service: httpx.Client) -> None:
    everybody = {"customer_ids": [PLANTED] * 150}
    service.post("/profile", json=everybody).raise_for_status()
    deadline = time.monotonic() + 10
    while not (found := entries(small_cycle, "profiles read")):
        assert time.monotonic() < deadline, "nothing on the audit trail"
        time.sleep(0.2)
    assert found[-1]["details"]["profiles"] >= 150
    assert found[-1]["user"] == f"key {found[-1]['details']['key']}"
    verified = small_cycle.aimloop("audit", "verify", "--json")
    assert verified.returncode == 0, verified.stdout


def entries(small_cycle: SmallCycle, action: str) -> list[dict[str, Any]]:
    told = json.loads(small_cycle.aimloop("audit", "--json").stdout)["entries"]
    return [entry for entry in told if entry["action"] == action]


def test_a_plan_is_the_cycles_and_other_budgets_change_nothing(small_cycle: SmallCycle, service: httpx.Client) -> None:
    (current,) = service.get("/plan").raise_for_status().json()["plans"]
    assert current["expected_return"] == pytest.approx(small_cycle.status["plan"]["expected_return"])
    same, none = service.post("/plan", json={"budgets": [current["budget"], 5]}).raise_for_status().json()["plans"]
    assert same["expected_return"] == pytest.approx(current["expected_return"])
    assert "minimum units cost" in none["infeasible"]
    assert service.get("/plan").json()["plans"] == [current]


def test_outcomes_are_kept_once_and_only_by_who_may_report(small_cycle: SmallCycle, service: httpx.Client) -> None:
    (shown,) = service.post("/ctr", json={"customer_id": PLANTED, "ads": [AD]}).json()["impressions"]
    outcome = {
        "outcome_id": f"click on {shown['prediction_id']}",
        "prediction_id": shown["prediction_id"],
        "kind": "clicked",
        "occurred_at": "2026-11-27T10:00:00+01:00",
    }
    first = service.post("/outcomes", json={"outcomes": [outcome]}).raise_for_status().json()
    again = service.post("/outcomes", json={"outcomes": [outcome, outcome]}).raise_for_status().json()
    assert [(told["accepted"], told["known"]) for told in (first, again)] == [(1, 0), (0, 2)]
    other = service.post("/outcomes", json={"outcomes": [outcome | {"kind": "converted", "revenue": 3.5}]})
    assert (other.status_code, "reported before" in other.json()["error"]) == (409, True)
    with issued_key(small_cycle.aimloop.environ, "no reporter", role="score") as key:
        time.sleep(2.0)
        refused = service.post("/outcomes", json={"outcomes": [outcome]}, headers={"Authorization": f"Bearer {key}"})
    assert refused.status_code == 403


def test_health_and_counts_tell_who_answers_and_that_nothing_is_lost(
    small_cycle: SmallCycle, service: httpx.Client
) -> None:
    health = service.get("/health").raise_for_status().json()
    champions = small_cycle.status["champions"]
    assert {name: told["champion"] for name, told in health["models"].items()} == champions
    assert (health["status"], health["prediction_log"]) == ("ok", {"lost_rows": 0, "trouble": None})
    assert health["profiles"]["is_stale"] is False
    counted = service.get("/metrics").raise_for_status().text
    assert 'aimloop_requests_total{endpoint="/churn",status="200"}' in counted
    for what in (
        "ledger",
        "profiles",
        "stale profiles",
        "prediction log",
        "model ctr",
    ):  # as the rules of Prometheus ask
        assert f'aimloop_trouble{{what="{what}"}} 0.0' in counted
    for name, tag in champions.items():
        labels = f'model="{name}",variant="champion",version="{tag}"'
        assert f"aimloop_version_live{{{labels}}} 1.0" in counted or labels in counted


def test_what_was_answered_stands_in_the_log_by_pseudonym(small_cycle: SmallCycle, service: httpx.Client) -> None:
    settings = load(small_cycle.aimloop.environ, small_cycle.state)
    pinned = State(settings.state).pinned()
    pseudonym = open_keys(settings, pinned).pseudonymise(PLANTED)
    asked = service.post("/ctr", json={"customer_id": PLANTED, "ads": [AD]}, headers={"X-Request-Id": "for-the-log"})
    (said,) = asked.raise_for_status().json()["impressions"]
    time.sleep(2 * LOOK_SECONDS)
    written = [json.loads(line) for file in files(pinned.predictions) for line in file.read_text().splitlines()]
    (row,) = [row for row in written if row["request_id"] == "for-the-log"]
    assert (row["prediction_id"], row["version"], row["pseudonym"]) == (said["prediction_id"], said["model"], pseudonym)
    assert row["value"] == said["click_probability"]
    assert PLANTED not in json.dumps(written)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl*"))
