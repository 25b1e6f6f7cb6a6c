"""Four weeks later: what the services said then is what history says now, and the champion stays."""

import hashlib
import json

import httpx
import pandas as pd
import pytest

from infra import raw_zone, registry, warehouse
from infra.contracts import ImpressionFeatures, Scores
from infra.keys import open_keys
from infra.settings import load
from infra.state import State
from models import ctr
from tests.e2e.conftest import AS_OF, SmallCycle

NEXT = "2017-11-27"


@pytest.fixture(scope="module")
def logged(small_cycle: SmallCycle) -> pd.DataFrame:
    """1,000 real impressions of the week after the cycle, as an application would ask about them."""
    settings = load(small_cycle.aimloop.environ, small_cycle.state)
    state = State(settings.state)
    keys = open_keys(settings, state)
    with raw_zone.open_raw_zone(state, keys) as connection:
        rows = connection.execute(
            f"""SELECT impression_id, customer_id, product_id, channel, placement FROM raw.impressions
                WHERE shown_at >= TIMESTAMP '{AS_OF}' AND shown_at < TIMESTAMP '{AS_OF}' + INTERVAL 7 DAY
                ORDER BY hash(impression_id) LIMIT 1000"""
        ).df()
    pseudonyms = rows["customer_id"].map(keys.pseudonymise)
    rows["digest"] = [
        hashlib.md5((p + i).encode()).hexdigest() for p, i in zip(pseudonyms, rows["impression_id"], strict=True)
    ]
    return rows


@pytest.fixture(scope="module")
def answers(service: httpx.Client, logged: pd.DataFrame) -> list[float]:
    """Asked before the next cycle exists."""
    asked = logged[["customer_id", "product_id", "channel", "placement"]].to_dict("records")
    answer = service.post("/ctr", json={"impressions": asked}).raise_for_status().json()
    return list(answer["click_probability"])


@pytest.fixture(scope="module")
def next_cycle(small_cycle: SmallCycle, answers: list[float]) -> dict:
    done = small_cycle.aimloop("run", "--json", "--as-of", NEXT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_answers_over_http_equal_batch_predictions_from_later_history(
    small_cycle: SmallCycle, logged: pd.DataFrame, answers: list[float], next_cycle: dict
) -> None:
    later = warehouse.generation(State(small_cycle.state), next_cycle["cycle"]["id"])
    features = later.read(ImpressionFeatures, "impression_features", f"snapshot_at = TIMESTAMP '{AS_OF}'")
    fitted = registry_load(small_cycle, small_cycle.status["models"]["ctr"]["tag"])
    batch = features["impression_id"].to_frame().assign(batch=ctr.predict(fitted, features)["click_probability"])
    both = logged.assign(answer=answers).merge(batch, left_on="digest", right_on="impression_id")
    assert len(both) == len(logged) == 1000
    assert (both["answer"] - both["batch"]).abs().max() < 1e-6
    assert both["batch"].nunique() > 500


def test_the_champion_stays_and_the_newcomer_is_compared_on_the_same_rows(
    small_cycle: SmallCycle, next_cycle: dict
) -> None:
    assert next_cycle["champions"] == small_cycle.status["champions"]
    versions = json.loads(small_cycle.aimloop("models", "--json").stdout)["models"]
    candidates = {v["model"]: v for v in versions if v["standing"] == "candidate"}
    assert set(candidates) == {"segmentation", "ctr", "churn"}
    comparison = candidates["ctr"]["comparison"]
    assert comparison["champion"] == small_cycle.status["champions"]["ctr"]
    assert comparison["rows"] == candidates["ctr"]["metrics"]["rows"]
    assert 0.8 < comparison["champion_metrics"]["auc"]["value"] < 1


def test_scores_of_both_cycles_are_kept(small_cycle: SmallCycle, next_cycle: dict) -> None:
    generation = warehouse.published(State(small_cycle.state))
    assert generation is not None
    cycles = generation.read(Scores, "scores")["cycle_id"].unique()
    assert set(cycles) == {small_cycle.status["cycle"]["id"], next_cycle["cycle"]["id"]}


def registry_load(small_cycle: SmallCycle, tag: str):
    """The version of that tag, from the small cycle's own store (this process has another home)."""
    name, version = tag.split(":")
    return registry.load_folder(State(small_cycle.state).bentoml / "models" / name / version)
