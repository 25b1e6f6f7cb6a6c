"""Four weeks later: what the services said then is what history says now, and newcomers are tried."""

import json
from collections.abc import Mapping
from pathlib import Path

import httpx
import pandas as pd
import pytest

from infra import registry, warehouse
from infra.contracts import CustomerFeatures, Scores
from infra.later_labels import labels
from infra.state import State
from models import churn
from models.catalog import MODELS
from tests import two_budget_cycles
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


def test_newcomers_are_compared_on_the_same_rows_and_those_that_pass_are_tried(
    small_cycle: SmallCycle, next_cycle: dict
) -> None:
    versions = json.loads(small_cycle.aimloop("models", "--json").stdout)["models"]
    newcomers = {v["model"]: v for v in versions if v["tag"].endswith(next_cycle["cycle"]["id"])}
    assert set(newcomers) == set(MODELS)
    comparison = newcomers["ctr"]["comparison"]
    assert comparison["champion"] == small_cycle.status["champions"]["ctr"]
    assert comparison["rows"] == comparison["gate"]["rows"] == newcomers["ctr"]["metrics"]["rows"]
    assert 0.8 < comparison["champion_metrics"]["auc"]["value"] < 1
    decided = {found["model"]: found for found in next_cycle["challenges"]}
    assert set(decided) == set(MODELS)
    running = json.loads(small_cycle.aimloop("experiments", "--json").stdout)["experiments"]
    for name, newcomer in newcomers.items():
        passes = newcomer["comparison"]["gate"]["passed"]
        tried = "promoted" if name == "segmentation" else "experiment"
        assert decided[name]["decision"] == (tried if passes else "rejected")
        standing = {"promoted": "champion", "experiment": "challenger", "rejected": "candidate"}
        assert newcomer["standing"] == standing[decided[name]["decision"]]
        if decided[name]["decision"] != "promoted":
            assert next_cycle["champions"][name] == small_cycle.status["champions"][name]
    tried = {one["challenger"]: (one["is_shadow"], one["share"]) for one in running}
    assert tried == {v["tag"]: (True, 0.0) for v in newcomers.values() if v["standing"] == "challenger"}


def test_the_last_plan_is_kept_and_what_is_not_measured_has_no_number(
    small_cycle: SmallCycle, next_cycle: dict
) -> None:
    plan = next_cycle["plan"]
    assert plan["comparison"]["keep_current"] is True
    assert plan["realised"]["cycle"] == small_cycle.status["cycle"]["id"]
    assert plan["realised"]["line"] == "not measured: of its 3 channels the data hold no results"
    assert {row["gap"] for row in plan["realised"]["channels"]} == {None}
    assert "not measured" in next_cycle["lines"]["allocate"]


def test_channels_with_results_are_looked_back_at(small_cycle: SmallCycle, next_cycle: dict, tmp_path: Path) -> None:
    """The real mailer and coupon mailing, with stated costs: promised against realised (printed with ``-s``)."""
    state = State(small_cycle.state)
    first, second = (warehouse.generation(state, found["cycle"]["id"]) for found in (small_cycle.status, next_cycle))
    before, after = two_budget_cycles.look_back(first, second, tmp_path)
    print(two_budget_cycles.told(after))
    assert {line["return_is"] for line in before["allocation"]} == {"history"}
    promised = {line["channel"]: line["expected_return"] for line in before["allocation"]}
    assert sum(promised.values()) > 0
    for row in after["realised"]["channels"]:
        assert row["is_measured"]
        assert row["planned_return"] == pytest.approx(promised[row["channel"]])
        assert row["realised_return"] >= 0
        assert "nobody was held back" in row["words"]
    mailer = next(row for row in after["realised"]["channels"] if row["channel"] == "mailer")
    assert mailer["responses"] > 0
    assert mailer["realised_return"] == pytest.approx(0.05 * mailer["responses"])


def test_looking_back_moves_no_service_back_and_scores_with_no_version_from_the_future(
    small_cycle: SmallCycle, next_cycle: dict, prefect_server: Mapping[str, str]
) -> None:
    done = small_cycle.aimloop("run", "--json", "--as-of", "2017-10-02", **prefect_server)
    assert done.returncode == 0, done.stderr
    back = json.loads(done.stdout)
    assert {found["decision"] for found in back["challenges"]} <= {"left alone"}
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


def test_what_customers_did_after_a_profile_is_what_the_marts_learn_from(small_cycle: SmallCycle) -> None:
    """Experiments judge by `later_labels`, models by marts: on the grid of snapshots they are the same."""
    generation = warehouse.published(State(small_cycle.state))
    assert generation is not None
    for mart, label, days in (("churn_labels", "churned", 56), ("clv_labels", "revenue", 90)):
        learned = generation.query(f"SELECT pseudonym, snapshot_at AS as_of, {label} FROM marts.{mart}")
        instants = [instant.to_pydatetime() for instant in learned["as_of"].drop_duplicates()]
        both = learned.merge(labels(generation, instants, days), on=["pseudonym", "as_of"], validate="one_to_one")
        assert len(both) == len(learned) > 1_000
        assert both[f"{label}_x"].tolist() == pytest.approx(both[f"{label}_y"].tolist())
