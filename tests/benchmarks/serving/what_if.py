"""How soon the service answers what another budget would bring: in the worked example, and in a larger plan."""

import statistics
import time
from pathlib import Path

import httpx

from infra.ledger import Ledger
from infra.ledger_rows import PlanRow
from models.budget.document import planned
from models.budget.solution import Method
from models.budget.sources import Inputs
from models.budget.stored import to_json
from tests.benchmarks.measure import Figure, at_most, environ, published_state
from tests.benchmarks.serving import servers
from tests.budget_problems import planned_problem
from tests.services import issued_key

ASKED = 40


def what_if(folder: Path) -> dict[str, Figure]:
    """Milliseconds at the client, median of forty, one after the other, each with another budget."""
    state = published_state(folder)
    variables = environ(state)
    prepared = servers.prepared(folder / "prepared", variables)
    with issued_key(variables, "benchmark") as key, servers.ours(prepared, variables, key) as server:
        url, headers = server.url.removesuffix("/ctr"), {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
            small = milliseconds(client, 1_130_000)
            activities, budget = enlarge(state)
            large = milliseconds(client, budget)
    return {
        "budget.what_if_ms": at_most(small, 100, "ms"),
        "budget.what_if_large_ms": at_most(large, 100, "ms"),
        "budget.what_if_large_activities": Figure(activities, ""),
    }


def milliseconds(client: httpx.Client, budget: float) -> float:
    took = []
    for number in range(ASKED):
        body = {"budgets": [budget * (1 - number / (10 * ASKED))]}
        began = time.perf_counter()
        answer = client.post("/plan", json=body)
        took.append((time.perf_counter() - began) * 1e3)
        answer.raise_for_status()
    return statistics.median(took)


def enlarge(state: Path) -> tuple[int, float]:
    """Put a plan of ten channels and six segments in the place of the published one; its activities and its budget."""
    problem = planned_problem(10, 6, 1, 1)
    document = planned(Inputs(problem=problem, sources=(), current=None), Method(), with_frontier=False)
    with Ledger(state / "ledger.sqlite").transaction() as session:
        for row in session.query(PlanRow):
            row.plan = row.plan | document
            row.inputs = row.inputs | {"problem": to_json(problem)}
    return len(problem.activities), problem.budget
