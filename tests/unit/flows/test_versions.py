"""`aimloop models`: a version is found by its tag, by its model, or not at all with a hint."""

import io
import json
from datetime import datetime

import pytest
from rich.console import Console
from typer.testing import CliRunner

from flows.cli import app
from flows.summary import metrics_and_intervals
from flows.terminal_models import show_list, show_version
from flows.versions import all_versions, described, find
from infra.errors import AimloopError

OLD, NEW = "churn:20171030t000000-0000000a", "churn:20171127t000000-0000000b"


@pytest.fixture
def two_churns(door):
    """A champion and a candidate of churn beside the version that the small state has."""
    metrics = {"auc": {"value": 0.868, "low": 0.852, "high": 0.884}, "baseline_auc": {"value": 0.86}}
    report = {"as_of": "2017-11-27", "origin": "2017-09-12T00:00:00", "metrics": metrics}
    report["earlier_windows"] = {"2017-07-18": {"auc": {"value": 0.871}}}
    for day, tag in ((1, OLD), (2, NEW)):
        door.ledger.begin_cycle(tag.split(":")[1], datetime(2017, 11, day), "company", datetime(2017, 11, day))
        door.ledger.register(tag, "churn", tag.split(":")[1], report, {}, datetime(2017, 11, day))
    return door


def seen(show, *arguments):
    console = Console(file=io.StringIO(), width=110)
    show(console, *arguments)
    return console.file.getvalue()


def test_a_tag_is_a_version_and_a_model_is_its_champion(two_churns):
    assert find(two_churns, NEW).tag == NEW
    assert find(two_churns, "churn").tag == OLD


@pytest.mark.parametrize(
    ("name", "hint"), [("churm", "did you mean churn"), ("churn:20171127t000000-0000000c", NEW), ("zzz", "lists all")]
)
def test_an_unknown_name_is_refused_with_the_nearest(two_churns, name, hint):
    with pytest.raises(AimloopError, match=f"no version '{name}'") as refusal:
        find(two_churns, name)
    assert hint in refusal.value.remedy


def test_a_model_that_was_never_trained_says_so(two_churns):
    with pytest.raises(AimloopError, match="no version of 'ctr' has been trained yet"):
        find(two_churns, "ctr")


def test_the_list_has_each_version_with_its_headline_and_standing(two_churns):
    listed = all_versions(two_churns)
    assert [(v["tag"], v["standing"], v["headline"]) for v in listed if v["model"] == "churn"] == [
        (OLD, "champion", "auc"),
        (NEW, "candidate", "auc"),
    ]
    text = seen(show_list, listed)
    assert "AUC 0.868" in text
    assert "0.852 – 0.884" in text
    assert "knew until 2017-09-12, made 2017-11-02" in text


def test_a_version_without_a_card_shows_what_the_ledger_knows(two_churns):
    version = described(two_churns, find(two_churns, "churn"))
    assert (version["card"], version["content"]) == (None, None)
    assert version["earlier_windows"] == {"2017-07-18": {"auc": 0.871}}
    text = seen(show_version, version)
    assert "0.871" in text
    assert "none was written for this version" in text


def test_gaps_and_drivers_of_the_card_are_told(two_churns):
    card = two_churns.state.cards / "churn" / f"{OLD.split(':')[1]}.json"
    card.parent.mkdir()
    rows = {"rows": 17_667, "customers": 2_405}
    gap = {
        "attribute": "tenure",
        "value": "new [up to 91 days]",
        "verdict": "gap",
        "reasons": ["predicts 52% too little"],
    }
    few = {"attribute": "region", "value": "isle", "verdict": "too few to say", "reasons": []}
    content = {
        "words": {"what": "It says."}, "trained_on": rows, "evaluated_on": rows, "origin": "2017-09-12",
        "evaluated_until": "2017-11-07", "segments": [], "ratio": {"value": 0.84}, "slices": [gap, few],
        "drivers": [{"driver": "days since the last order", "share": 0.31, "direction": "raises"}],
    }  # fmt: skip
    card.write_text(json.dumps(content))
    card.with_suffix(".html").write_text("<html>")
    text = seen(show_version, described(two_churns, find(two_churns, OLD)))
    assert "gap time since first order new [up to 91 days]: predicts 52% too little" in text
    assert "1 of 1 judged have a gap; 1 too few to say" in text
    assert "evaluated on 17,667 until 2017-11-07." in text, "a card of before knows no end of outcomes"
    assert "days since the last order" in text
    assert "31 %" in text
    assert str(card.with_suffix(".html")) in text.replace("\n", "")


def test_what_tuning_did_and_what_hastens_an_order_is_told(two_churns):
    card = two_churns.state.cards / "churn" / f"{OLD.split(':')[1]}.json"
    card.parent.mkdir()
    rows = {"rows": 17_667, "customers": 2_405}
    tuning = {
        "trials": 3, "seconds": 41.2, "loss_before": 0.1502, "loss": 0.1498, "windows": ["2017-06-20", "2017-07-18"],
        "changed": {"leaves": [7, 12], "min_rows_in_leaf": [None, 80]},
    }  # fmt: skip
    content = {
        "words": {"what": "It says."}, "trained_on": rows, "evaluated_on": rows, "origin": "2017-09-12",
        "evaluated_until": "2017-11-06", "outcomes_until": "2018-01-01", "segments": [], "ratio": None, "slices": [],
        "drivers": [], "tuning": tuning,
        "hazard_ratios": [{"driver": "orders in 28 days", "ratio": 1.2668, "low": 1.2138, "high": 1.322}],
    }  # fmt: skip
    card.write_text(json.dumps(content))
    version = described(two_churns, find(two_churns, OLD))
    text = " ".join(seen(show_version, version).split())
    assert "3 trials in 41.2 seconds on the windows from 2017-06-20, 2017-07-18" in text
    assert "mean loss 0.1502 with what was given, 0.1498 with the best" in text
    assert "changed: leaves from 7 to 12, min rows in leaf to 80" in text
    assert "orders in 28 days 1.27 1.21 – 1.32" in text
    assert "until 2017-11-06, outcomes until 2018-01-01." in text
    assert version["content"]["tuning"]["trials"] == 3


def test_metrics_are_whole_in_eighty_columns(two_churns):
    """Names fold; no figure is cut, not even of three earlier windows of small numbers."""
    tiny = {"value": 0.00515, "low": 0.0048, "high": 0.00535}
    metrics = {
        "auc": {"value": 0.868, "low": 0.852, "high": 0.884},
        "survival_prediction_ratio": tiny,
        "anova_p": {"value": 0.0},
    }
    version = described(two_churns, find(two_churns, OLD)) | metrics_and_intervals(metrics)
    version["earlier_windows"] = {f"2017-0{month}-18": dict.fromkeys(metrics, 0.00515) for month in (5, 6, 7)}
    console = Console(file=io.StringIO(), width=80)
    show_version(console, version)
    text = console.file.getvalue()
    assert "…" not in text
    assert "0.00515 0.00515 0.00515" in text
    assert "< 0.001" in text
    assert "0.00480 – 0.00535" in text
    assert max(map(len, text.splitlines()[:-3])) <= 80


@pytest.mark.parametrize("words", [["models"], ["models", "list"]])
def test_models_alone_is_the_list(two_churns, monkeypatch, words):
    monkeypatch.setenv("AIMLOOP_STATE", str(two_churns.state.root))
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    assert [v["tag"] for v in json.loads(done.stdout)["models"] if v["model"] == "churn"] == [OLD, NEW]


def test_show_as_json_and_an_unknown_tag(two_churns, monkeypatch):
    monkeypatch.setenv("AIMLOOP_STATE", str(two_churns.state.root))
    done = CliRunner().invoke(app, ["models", "show", NEW, "--json"])
    assert json.loads(done.stdout)["standing"] == "candidate"
    refused = CliRunner().invoke(app, ["models", "show", "churm"])
    assert refused.exit_code == 2
    assert "did you mean churn" in refused.stderr
