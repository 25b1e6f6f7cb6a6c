"""The alert rules for Prometheus ask for what the services count, and fire when they should."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bentos.counting import Counts
from flows.context import PROJECT

FOLDER = PROJECT / "infra" / "deploy" / "prometheus"
EXAMPLES = Path(__file__).with_name("prometheus_examples.yaml")
THEIR_OWN = {"up"}  # Prometheus' own
LOOP = {"aimloop_challenger_failures_total"}


def rules() -> list[dict[str, Any]]:
    read = yaml.safe_load((FOLDER / "rules.yaml").read_text(encoding="utf-8"))
    return [rule for group in read["groups"] for rule in group["rules"]]


def counted() -> str:
    """Everything that a worker can count, counted once."""
    counts = Counts()
    counts.request("/ctr", 200, 0.001)
    counts.predictions("ctr", "champion", 1)
    counts.standing(0, {"ledger": False}, {("ctr", "champion", "ctr:a")})
    return counts.text().decode()


def test_rules_ask_for_what_is_counted() -> None:
    asked = {name for rule in rules() for name in re.findall(r"\b(?:aimloop_\w+|up)\b", rule["expr"])}
    there = set(re.findall(r"^(\w+)(?:\{.*\})? ", counted(), re.MULTILINE))
    assert len(asked) > 5
    assert asked - THEIR_OWN - LOOP <= there


def test_labels_that_rules_ask_for_are_there() -> None:
    for rule in rules():
        by = {label.strip() for labels in re.findall(r"by \(([^)]+)\)", rule["expr"]) for label in labels.split(",")}
        there = set(re.findall(r'(\w+)="', counted()))
        assert by <= there, rule["alert"]


def test_every_rule_says_what_it_is_and_what_to_do() -> None:
    for rule in rules():
        assert set(rule["annotations"]) == {"summary", "remedy"}
        assert rule["labels"]["severity"] in ("warning", "critical")


def test_rules_fire_when_they_should(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    examples = tmp_path / "examples.yaml"
    examples.write_text(EXAMPLES.read_text(encoding="utf-8").replace("RULES", str(FOLDER / "rules.yaml")))
    for command in (
        ["check", "config", "--syntax-only", FOLDER / "prometheus.yaml"],
        ["check", "rules", FOLDER / "rules.yaml"],
        ["test", "rules", examples],
    ):
        told = subprocess.run([promtool, *command], capture_output=True, text=True)
        assert told.returncode == 0, told.stdout + told.stderr
