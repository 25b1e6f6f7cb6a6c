"""What `aimloop run` leaves behind, and what the services answer."""

import json
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import pandas as pd
import pytest

from bentos.gate import KEYS_KNOWN_AFTER
from infra import warehouse
from infra.contracts import Scores
from infra.intake import raw_zone
from infra.keys import open_keys
from infra.ledger import Ledger
from infra.settings import load
from infra.state import State
from models.catalog import MODELS
from tests.conftest import HOUSEHOLDS, PLANTED_ID
from tests.e2e.conftest import AS_OF, SmallCycle

STEPS = ["ingest", "quality", "marts", "train", "challenge", "score", "publish", "package", "allocate", "watch"]


def test_the_status_tells_what_the_cycle_came_to(small_cycle: SmallCycle) -> None:
    status = small_cycle.status
    assert status["cycle"]["as_of"] == f"{AS_OF}T00:00:00"
    assert status["cycle"]["published"] is True
    assert list(status["seconds"]) == STEPS
    for counts in status["rows"].values():
        assert counts["read"] == counts["accepted"] + counts["quarantined"] + counts["suppressed"]
    assert status["rows"]["customers"]["accepted"] == HOUSEHOLDS
    assert status["plan"]["expected_return"] == pytest.approx(84_125)
    assert status["plan"]["marginal_return"] == pytest.approx(0.05625)
    assert status["drift"]["reason"]
    for name in ("segmentation", "ctr", "churn"):
        assert status["champions"][name] == status["models"][name]["tag"] == f"{name}:{status['cycle']['id']}"


def test_the_data_is_judged_and_the_ledger_keeps_the_verdicts(small_cycle: SmallCycle) -> None:
    quality = small_cycle.status["quality"]
    kinds = {verdict["name"].split(".")[0] for verdict in quality["verdicts"]}
    assert kinds == {"null_rate", "freshness", "volume", "references", "distribution"}  # no cycle came before
    # 200 households move between stores; nothing else is amiss with this data
    assert {v["name"] for v in quality["verdicts"] if not v["passed"]} <= {"distribution.orders.store_id"}
    assert (quality["stopped"], quality["not_brought"]) == (False, ["events"])
    kept = {v.name for v in Ledger(State(small_cycle.state).ledger).verdicts(small_cycle.status["cycle"]["id"])}
    assert {verdict["name"] for verdict in quality["verdicts"]} < kept


def test_models_beat_their_baselines_even_on_a_slice(small_cycle: SmallCycle) -> None:
    metrics = {name: model["metrics"] for name, model in small_cycle.status["models"].items()}
    assert metrics["ctr"]["auc"] > 0.9
    assert metrics["churn"]["auc"] > metrics["churn"]["recency_auc"]
    assert metrics["segmentation"]["eta_squared"] > 0.2


def test_every_command_prints_one_json_document(small_cycle: SmallCycle) -> None:
    for command in (["status"], ["models"], ["plan", "--budget", "400000"]):
        done = small_cycle.aimloop(*command, "--json")
        assert done.returncode == 0, done.stderr
        assert isinstance(json.loads(done.stdout), dict)


def test_people_see_tables(small_cycle: SmallCycle) -> None:
    shown = small_cycle.aimloop("status").stdout
    for word in (
        "quarantined",
        "synthetic",
        "Data quality",
        "champion",
        "Budget plan",
        "assumed",
        "Budget report",
        "Checks of the versions in use",
        "make serve",
    ):
        assert word in shown


def test_a_repeat_does_no_work_twice(small_cycle: SmallCycle, prefect_server: Mapping[str, str]) -> None:
    again = small_cycle.aimloop("run", "--json", "--as-of", AS_OF, **prefect_server)
    assert again.returncode == 0, again.stderr
    repeated = json.loads(again.stdout)
    assert repeated["seconds"] == small_cycle.status["seconds"]
    assert repeated["models"] == small_cycle.status["models"]
    assert again.stderr.count("done") == len(STEPS) - 1
    assert len(json.loads(small_cycle.aimloop("models", "--json").stdout)["models"]) == len(MODELS)


def test_scores_hold_every_customer(small_cycle: SmallCycle) -> None:
    generation = warehouse.published(State(small_cycle.state))
    assert generation is not None
    scores = generation.read(Scores, "scores")
    customers = generation.query("SELECT count(*) AS n FROM marts.customer_profiles")["n"][0]
    assert len(scores) == scores["pseudonym"].nunique() == customers
    assert scores["segment"].notna().all()
    assert scores["best_products"].map(json.loads).map(len).eq(3).all()


def test_the_plan_says_what_is_assumed_and_what_the_data_know_of_channels(small_cycle: SmallCycle) -> None:
    plan = small_cycle.status["plan"]
    assert {line["cost_is"] for line in plan["allocation"]} == {"assumed"}
    assert {"mailer", "display", "coupon mailing"} <= {row["channel"] for row in plan["evidence"]}
    assert all(row["unit_return"] is None for row in plan["evidence"] if row["unit"] == "impression")
    assert plan["realised"] is None
    page = Path(plan["report"]).read_text(encoding="utf-8")
    for words in ("costs and returns are assumed", "The next 10,000", "Nothing here is incremental", "no earlier plan"):
        assert words in page


def test_drift_reports_can_be_opened(small_cycle: SmallCycle) -> None:
    # what lies after the cycle has "not arrived": else that would be looked at
    assert small_cycle.aimloop("watch", "--reports", AIMLOOP_AS_OF=AS_OF).returncode == 0
    reports = sorted(State(small_cycle.state).reports.rglob("*.html"))
    names = [report.name for report in reports if report.name != "budget.html"]
    assert names == [f"drift-{name}.html" for name in sorted(MODELS)]
    assert all("<html" in report.read_text(encoding="utf-8").lower() for report in reports)
    verdicts = Ledger(State(small_cycle.state).ledger).verdicts(small_cycle.status["cycle"]["id"])
    assert {v.name for v in verdicts if v.name.startswith("drift.")} == {f"drift.{name}" for name in MODELS}


def test_every_version_has_a_card(small_cycle: SmallCycle) -> None:
    versions = json.loads(small_cycle.aimloop("models", "--json").stdout)["models"]
    assert {version["model"] for version in versions} == set(MODELS)
    assert all("<svg" in Path(version["card"]).read_text(encoding="utf-8") for version in versions)
    shown = json.loads(small_cycle.aimloop("models", "show", "ctr", "--json").stdout)
    assert shown["content"]["evaluated_on"]["rows"] == shown["metrics"]["rows"]
    slices = shown["content"]["slices"]
    assert {s["attribute"] for s in slices} >= {"age_band", "income_band", "household_size", "tenure"}
    assert any(s["value"] != "unknown" for s in slices if s["attribute"] == "age_band")


def test_the_services_say_what_the_scores_say(small_cycle: SmallCycle, service: httpx.Client) -> None:
    settings = load(small_cycle.aimloop.environ, small_cycle.state)
    state = State(settings.state)
    with raw_zone.open_raw_zone(state, open_keys(settings, state)) as connection:
        ids = connection.execute("SELECT customer_id, pseudonym FROM raw.crosswalk ORDER BY customer_id").df()
    generation = warehouse.published(state)
    assert generation is not None
    scores = ids.merge(generation.read(Scores, "scores"), on="pseudonym")
    asked = {"customer_ids": scores["customer_id"].tolist()}

    segments = service.post("/segment", json=asked).raise_for_status().json()
    assert {c["model"] for c in segments["customers"]} == {small_cycle.status["models"]["segmentation"]["tag"]}
    assert [c["segment"] for c in segments["customers"]] == scores["segment"].tolist()
    assert [c["rfm"] for c in segments["customers"]] == scores["rfm"].tolist()

    churn = service.post("/churn", json=asked).raise_for_status().json()
    answered = pd.Series([c["churn_probability"] for c in churn["customers"]], dtype=float)
    pd.testing.assert_series_equal(answered, scores["churn_probability"], check_names=False, atol=1e-9)
    assert [c["risk_band"] for c in churn["customers"]] == scores["risk_band"].tolist()
    assert [c["contact_day"] for c in churn["customers"]] == scores["contact_day"].astype(object).where(
        scores["contact_day"].notna(), None
    ).tolist()
    assert {c["risk_band"] for c in churn["customers"] if c["churn_probability"] is None} == {"lapsed"}
    assert not any("because" in c for c in churn["customers"])
    assert {c["variant"] for c in churn["customers"]} == {"champion"}
    assert len({c["prediction_id"] for c in churn["customers"]}) == len(scores)

    revenue = service.post("/clv", json=asked).raise_for_status().json()
    told = pd.DataFrame(revenue["customers"])
    assert set(told["model"]) == {small_cycle.status["models"]["clv"]["tag"]}
    assert set(told["horizon_days"]) == {90}
    for name, column in (("expected_revenue", "expected_revenue_90d"), ("low", "expected_revenue_low")):
        pd.testing.assert_series_equal(told[name], scores[column], check_names=False, atol=1e-6)

    misspelt = service.post("/churn", json=asked | {"explian": True})
    assert misspelt.status_code == 422
    assert "explian" in misspelt.text

    explained = service.post("/churn", json=asked | {"explain": True}).raise_for_status().json()["customers"]
    active = [c["because"] for c in explained if c["risk_band"] != "lapsed"]
    assert {len(reasons) for reasons in active} <= {1, 2, 3}
    assert all("(odds × " in reason for reasons in active for reason in reasons)


def test_a_click_probability_says_why_when_it_is_asked_to(service: httpx.Client) -> None:
    asked = {"impressions": [{"customer_id": "nobody", "product_id": "nothing"}] * 2, "explain": True}
    rows = service.post("/ctr", json=asked).raise_for_status().json()["impressions"]
    first, second = (row["because"] for row in rows)
    assert first == second
    assert any(" yet (odds × " in reason for reason in first)


def test_strangers_and_nonsense_get_an_answer(service: httpx.Client) -> None:
    stranger = service.post("/segment", json={"customer_ids": ["nobody"]}).raise_for_status().json()
    (told,) = stranger["customers"]
    assert told.keys() == {"prediction_id", "model", "variant", "is_known"}
    assert told["is_known"] is False
    unknown = {"impressions": [{"customer_id": "nobody", "product_id": "nothing"}]}
    (row,) = service.post("/ctr", json=unknown).raise_for_status().json()["impressions"]
    assert 0 < row["click_probability"] < 0.05
    assert (row["is_known_customer"], row["is_known_product"]) == (False, False)
    for wrong in ({"customer_ids": []}, {"customer_ids": [""]}, {"customer_ids": "1"}, {}):
        assert service.post("/churn", json=wrong).status_code == 422


def test_without_a_key_nothing_is_answered_and_a_key_does_what_it_is_for(
    small_cycle: SmallCycle, service: httpx.Client
) -> None:
    asked = {"customer_ids": ["1"]}
    refused = service.post("/churn", json=asked, headers={"Authorization": ""})
    assert (refused.status_code, refused.json()["error"]) == (401, "a key is needed")
    issued = json.loads(small_cycle.aimloop("keys", "issue", "reader", "--role", "read", "--json").stdout)
    reader = {"Authorization": f"Bearer {issued['key']}", "X-Request-Id": "e2e-1"}
    time.sleep(KEYS_KNOWN_AFTER)
    refused = service.post("/churn", json=asked, headers=reader)
    assert (refused.status_code, refused.headers["x-request-id"]) == (403, "e2e-1")
    assert service.get("/metrics", headers=reader).status_code == 200
    assert small_cycle.aimloop("keys", "revoke", issued["id"]).returncode == 0
    time.sleep(KEYS_KNOWN_AFTER)
    assert service.get("/metrics", headers=reader).status_code == 401
    actions = [entry["action"] for entry in json.loads(small_cycle.aimloop("audit", "--json").stdout)["entries"]]
    assert [action for action in actions if action.startswith("key")][-2:] == ["key issued", "key revoked"]
    assert issued["key"] not in (small_cycle.state / "ledger.sqlite").read_bytes().decode("latin-1")


def test_the_documentation_page_loads_nothing_from_elsewhere(service: httpx.Client) -> None:
    page = service.get("/").raise_for_status().text
    assert "swagger-ui" in page
    assert "//" not in page
    spec = service.get("/docs.json").raise_for_status()
    paths = {"/segment", "/ctr", "/churn", "/clv", "/profile", "/plan", "/outcomes", "/health", "/metrics"}
    assert set(spec.json()["paths"]) == paths
    assert str(PLANTED_ID) not in spec.text
    for asset in ("swagger-ui.css", "swagger-ui-bundle.js"):
        assert service.get(f"/static_content/{asset}").status_code == 200
