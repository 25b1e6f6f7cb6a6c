"""A card is written where its version's tag says, and a failure to write it is said and not thrown."""

import json
import logging
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest

from flows import cards
from infra.state import State
from models.backtest import backtest
from models.metrics import Metric
from tests.unit.models.conftest import SAMPLES

REGISTERED = {
    "tag": "churn:20171030t000000-12345678",
    "is_champion": False,
    "as_of": "2017-10-30",
    "git_commit": "unknown",
    "environment": {"Python": "3.12"},
    "parameters": {"rounds": 12},
    "comparison": {"champion": "churn:g1", "champion_metrics": {"auc": {"value": 0.61}}},
}


@pytest.fixture(scope="module")
def trained():
    """A churn model of a small world: examples, parameters, result."""
    sample = SAMPLES["churn"]()
    frame = sample.frame.assign(pseudonym="whoever-" + sample.frame["pseudonym"])
    return frame, sample.params, backtest(sample.model, frame, sample.as_of, sample.params)


@pytest.fixture
def cycle(tmp_path, trained):
    """What a card needs of a cycle: its marts and the state folder."""
    frame = trained[0]
    asked = []

    def query(sql, **values):
        asked.append(sql)
        return frame.loc[frame["snapshot_at"].between(values["first"], values["last"]), _columns(sql)]

    state = State(tmp_path / "state").open()
    return SimpleNamespace(door=SimpleNamespace(state=state), generation=SimpleNamespace(query=query), asked=asked)


def _columns(sql):
    return sql.removeprefix("SELECT ").split(" FROM ")[0].split(", ")


def test_a_card_is_a_page_and_the_same_as_json(cycle, trained):
    frame, _, result = trained
    path = cards.write(cycle, "churn", result, REGISTERED)
    assert path == cycle.door.state.root / "cards" / "churn" / "20171030t000000-12345678.html"
    page = path.read_text(encoding="utf-8")
    assert "Churn risk" in page
    assert "candidate" in page
    assert page.count("<svg") == 3
    content = cards.read(cycle.door.state, REGISTERED["tag"])
    assert content["facts"]["parameters"] == {"rounds": 12}
    assert content["evaluated_on"]["rows"] == len(result.later)
    assert content["trained_on"]["base_rate"] == pytest.approx(result.past["churned"].mean())
    assert {s["attribute"] for s in content["slices"]} >= {"region", "gender", "tenure"}
    assert content["metrics"][0]["champion"] == 0.61
    json.dumps(content, allow_nan=False)
    assert not any(pseudonym in page for pseudonym in frame["pseudonym"].unique())


def test_a_repeat_replaces_the_card(cycle, trained):
    _, _, result = trained
    first = cards.write(cycle, "churn", result, REGISTERED)
    again = cards.write(cycle, "churn", result, REGISTERED | {"is_champion": True})
    assert first == again
    assert cards.read(cycle.door.state, REGISTERED["tag"])["facts"]["standing"] == "champion"
    assert sorted(path.suffix for path in first.parent.iterdir()) == [".html", ".json"]


def test_what_could_not_be_measured_is_null_in_json(cycle, trained):
    _, _, result = trained
    unknown = replace(result, metrics=result.metrics | {"auc": Metric(float("nan"))})
    cards.write(cycle, "churn", unknown, REGISTERED)
    assert cards.read(cycle.door.state, REGISTERED["tag"])["metrics"][0]["metric"]["value"] is None


@pytest.mark.parametrize("value", [float("inf"), 1e300])
def test_what_has_no_end_is_no_reason_to_fail(cycle, trained, value):
    _, _, result = trained
    endless = replace(result, metrics=result.metrics | {"prediction_ratio": Metric(value)})
    cards.write(cycle, "churn", endless, REGISTERED)
    text = cards.path_of(cycle.door.state, REGISTERED["tag"]).with_suffix(".json").read_text(encoding="utf-8")
    json.loads(text, parse_constant=pytest.fail)


def test_where_the_page_fails_there_is_no_json_either(cycle, trained, monkeypatch):
    _, _, result = trained

    def fails(card):
        raise ValueError("no page")

    monkeypatch.setattr(cards, "render", fails)
    assert cards.attempt(cycle, "churn", result, REGISTERED)["card_problem"] == "ValueError: no page"
    assert cards.read(cycle.door.state, REGISTERED["tag"]) is None


def test_hazard_ratios_are_in_the_card_of_churn(cycle, trained):
    _, _, result = trained
    page = cards.write(cycle, "churn", result, REGISTERED).read_text(encoding="utf-8")
    assert "What hastens the next order" in page
    content = cards.read(cycle.door.state, REGISTERED["tag"])
    told = {h["driver"]: [h["ratio"], h["low"], h["high"]] for h in content["hazard_ratios"]}
    assert told == {driver: list(ratio) for driver, ratio in result.fitted.notes["hazard_ratios"].items()}


def test_a_card_that_fails_is_said_and_nothing_is_thrown(cycle, trained, caplog):
    _, _, result = trained
    cycle.generation.query = lambda sql, **_: pd.DataFrame()
    with caplog.at_level(logging.ERROR):
        outcome = cards.attempt(cycle, "churn", result, REGISTERED)
    assert outcome["card"] is None
    assert "KeyError" in outcome["card_problem"]
    assert "the card of churn:20171030t000000-12345678 was not written" in caplog.text
    assert cards.read(cycle.door.state, REGISTERED["tag"]) is None
