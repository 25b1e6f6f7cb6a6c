"""Four weeks later: what the services said then is what history says now, and the champion stays."""

import json
from collections.abc import Mapping

import httpx
import pandas as pd
import pytest

from infra import registry, warehouse
from infra.contracts import CustomerFeatures, Scores
from infra.state import State
from models import churn
from models.catalog import MODELS
from tests.benchmarks import parity
from tests.e2e.conftest import AS_OF, SmallCycle

NEXT = "2017-11-27"


@pytest.fixture(scope="module")
def logged(small_cycle: SmallCycle) -> pd.DataFrame:
    """1,000 real impressions of the week after the cycle."""
    return parity.logged_impressions(small_cycle.aimloop, AS_OF)


@pytest.fixture(scope="module")
def answers(service: httpx.Client, logged: pd.DataFrame) -> list[float]:
    """Asked before the next cycle exists."""
    return parity.ask(service, logged)


@pytest.fixture(scope="module")
def next_cycle(small_cycle: SmallCycle, answers: list[float], prefect_server: Mapping[str, str]) -> dict:
    done = small_cycle.aimloop("run", "--json", "--as-of", NEXT, **prefect_server)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_answers_over_http_equal_batch_predictions_from_later_history(
    small_cycle: SmallCycle, logged: pd.DataFrame, answers: list[float], next_cycle: dict
) -> None:
    tag, later = small_cycle.status["models"]["ctr"]["tag"], next_cycle["cycle"]["id"]
    both = parity.compare(logged, answers, parity.batch_predictions(small_cycle.aimloop, tag, later, AS_OF))
    assert len(both) == parity.ROWS
    assert (both["answer"] - both["batch"]).abs().max() < 1e-6
    assert both["batch"].nunique() > 500


def test_the_champion_stays_and_the_newcomer_is_compared_on_the_same_rows(
    small_cycle: SmallCycle, next_cycle: dict
) -> None:
    assert next_cycle["champions"] == small_cycle.status["champions"]
    versions = json.loads(small_cycle.aimloop("models", "--json").stdout)["models"]
    candidates = {v["model"]: v for v in versions if v["standing"] == "candidate"}
    assert set(candidates) == set(MODELS)
    comparison = candidates["ctr"]["comparison"]
    assert comparison["champion"] == small_cycle.status["champions"]["ctr"]
    assert comparison["rows"] == candidates["ctr"]["metrics"]["rows"]
    assert 0.8 < comparison["champion_metrics"]["auc"]["value"] < 1


def test_the_last_plan_is_kept_and_what_is_not_measured_has_no_number(
    small_cycle: SmallCycle, next_cycle: dict
) -> None:
    plan = next_cycle["plan"]
    assert plan["comparison"]["keep_current"] is True
    assert plan["realised"]["cycle"] == small_cycle.status["cycle"]["id"]
    assert plan["realised"]["line"] == "not measured: of its 3 channels the data hold no results"
    assert {row["gap"] for row in plan["realised"]["channels"]} == {None}
    assert "not measured" in next_cycle["lines"]["allocate"]


def test_looking_back_moves_no_service_back_and_scores_with_no_version_from_the_future(
    small_cycle: SmallCycle, next_cycle: dict, prefect_server: Mapping[str, str]
) -> None:
    done = small_cycle.aimloop("run", "--json", "--as-of", "2017-10-02", **prefect_server)
    assert done.returncode == 0, done.stderr
    back = json.loads(done.stdout)
    assert "left alone" in back["lines"]["publish"]
    assert back["cycle"]["published"] is False
    state = State(small_cycle.state)
    published = warehouse.published(state)
    assert published is not None
    assert published.name == next_cycle["cycle"]["id"]
    generation = warehouse.generation(state, back["cycle"]["id"])
    scores = generation.read(Scores, "scores", "cycle_id = $id", id=back["cycle"]["id"])
    customers = generation.read(CustomerFeatures, "customer_features", "snapshot_at = TIMESTAMP '2017-10-02'")
    name, version = back["models"]["churn"]["tag"].split(":")
    own = registry.load_folder(state.bentoml / "models" / name / version)
    said = customers[["pseudonym"]].assign(own=churn.predict(own, customers)["churn_probability"])
    both = scores.merge(said, on="pseudonym", validate="one_to_one")
    assert both["churn_probability"].tolist() == pytest.approx(both["own"].tolist(), nan_ok=True)
    assert both["churn_probability"].notna().sum() > 50


def test_scores_of_both_cycles_are_kept(small_cycle: SmallCycle, next_cycle: dict) -> None:
    generation = warehouse.published(State(small_cycle.state))
    assert generation is not None
    cycles = generation.read(Scores, "scores")["cycle_id"].unique()
    assert set(cycles) == {small_cycle.status["cycle"]["id"], next_cycle["cycle"]["id"]}
