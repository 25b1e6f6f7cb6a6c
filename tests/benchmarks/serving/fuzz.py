"""Requests that nobody would write, by Schemathesis, made from the document that the services publish of themselves."""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure import Figure, at_least, at_most, environ, published_state
from tests.benchmarks.serving import servers
from tests.services import issued_key

SECONDS_TO_ANSWER = 10
EXAMPLES = 1_500  # of each of the ten operations, beside those that cover every keyword of the schemas


@dataclass(frozen=True)
class Fuzzed:
    """How many requests were sent, which checks failed, and what Schemathesis says of it all."""

    cases: int
    failures: list[str]
    report: str


def fuzzed(url: str, authorization: str, most_examples: int) -> Fuzzed:
    """Send requests that fit and such that do not; each must be answered in time, by no 5xx, as the document tells.

    Raises:
        RuntimeError: Schemathesis itself failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.ndjson"
        command = [str(Path(sys.executable).with_name("schemathesis")), "--no-color", "run", f"{url}/docs.json"]
        command += ["--header", f"Authorization: {authorization}", "--seed", "20170101", "--continue-on-failure"]
        command += ["--phases", "examples,coverage,fuzzing", "--max-examples", str(most_examples), "--no-shrink"]
        command += ["--checks", "all", "--request-timeout", str(SECONDS_TO_ANSWER), "--generation-database", "none"]
        command += ["--report", "ndjson", "--report-ndjson-path", str(events), "--suppress-health-check", "all"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        if done.returncode not in (0, 1) or not events.exists():
            raise RuntimeError(f"Schemathesis ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        cases, failures = counted(events)
    return Fuzzed(cases, failures, done.stdout)


def counted(events: Path) -> tuple[int, list[str]]:
    """Requests in a report, and of each answer that failed a check: where, and which check."""
    cases, failures = 0, []
    for line in events.read_text(encoding="utf-8").splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        cases += len(recorder.get("interactions", {}))
        for checks in recorder.get("checks", {}).values():
            failures += [f"{recorder['label']}: {check['name']}" for check in checks if check["status"] == "failure"]
    return cases, failures


def fuzz(folder: Path) -> dict[str, Figure]:
    """Ten thousand requests to the front door of a published state."""
    variables = environ(published_state(folder))
    prepared = servers.prepared(folder / "prepared", variables)
    with issued_key(variables, "fuzz") as key, servers.ours(prepared, variables, key) as ours:
        done = fuzzed(ours.url.removesuffix("/ctr"), str(ours.authorization), EXAMPLES)
    print("".join(f"  {failure}\n" for failure in done.failures), end="")
    return {
        "serving.fuzz_cases": at_least(done.cases, 10_000, "requests"),
        "serving.fuzz_failures": at_most(len(done.failures), 0, "answers"),
    }
