"""Answers while things change: a load of all endpoints for ten minutes, with an experiment, a promotion, rollbacks and
new profiles in the middle, by the commands that people use. Each answer is checked, and by whom it was given.
"""

import asyncio
import itertools
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from flows.context import Door
from models import catalog
from tests.benchmarks.measure import AIMLOOP, Figure, at_most, environ, published_state
from tests.benchmarks.serving import servers
from tests.benchmarks.serving.prepare import prepared
from tests.benchmarks.serving.witness import Witness
from tests.load.answers import fault, prediction_ids, rows
from tests.load.questions import Question, Questions
from tests.load.traffic import drawn
from tests.services import issued_key

SECONDS = 600
ASKING = 8
TAKEN_UP_WITHIN = 5.0  # seconds from a change to when every answer knows it
WARM_AFTER = 0.2  # of the time: from then on memory may not grow


@dataclass
class Outcome:
    """What became of all answers; ``longest_lag`` is the seconds from a change to the last answer that did not know it."""

    answers: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    told_by: Counter[tuple[str, str]] = field(default_factory=Counter)  # version, variant
    as_of: Counter[str] = field(default_factory=Counter)
    longest_lag: float = 0.0


def failed_answers(folder: Path, seconds: int = SECONDS) -> dict[str, Figure]:
    """How many answers were wrong, and whether memory stayed flat."""
    state = published_state(folder)
    variables = environ(state)
    prepared(folder / "prepared", variables)
    with issued_key(variables, "benchmark") as key, servers.ours(folder / "prepared", variables, key) as server:
        found, grown = watched(state, variables, server, key, seconds)
    for wrong, times in found.faults.most_common():
        print(f"  {wrong}: {times:,} times")
    return {
        "serving.failed_answers": at_most(found.faults.total(), 0, ""),
        "serving.checked_answers": Figure(found.answers, ""),
        "serving.longest_lag_seconds": at_most(found.longest_lag, TAKEN_UP_WITHIN, "s"),
        "serving.memory_growth_mib": at_most(grown, 20, "MiB"),
    }


def watched(
    state: Path, variables: Mapping[str, str], server: servers.Server, key: str, seconds: float
) -> tuple[Outcome, float]:
    """Ask while things change; what became of it, and how many MiB the worker grew once it was warm."""
    door = opened(state, variables)
    second = _said([sys.executable, "-m", "tests.benchmarks.serving.steps", "second-version", "ctr"], variables).strip()
    memory: list[float] = []
    happenings = [*changes(second, variables), (WARM_AFTER, lambda: memory.append(server.worker_mib))]
    outcome = Outcome()
    with Witness(door) as witness:
        began = time.monotonic()
        clock = threading.Thread(target=_happen, args=(happenings, began, seconds, outcome))
        clock.start()
        asyncio.run(_ask_for(seconds, server.url.removesuffix("/ctr"), key, door, witness, outcome))
        clock.join()
    return outcome, server.worker_mib - memory[0]


def changes(second: str, variables: Mapping[str, str]) -> list[tuple[float, Callable[[], object]]]:
    """What happens, and after which part of the time. ``second`` is another version of the ctr model."""

    def command(*words: str) -> Callable[[], object]:
        return lambda: _said([AIMLOOP, *words], variables)

    def published(hours: int) -> Callable[[], object]:
        step = [sys.executable, "-m", "tests.benchmarks.serving.steps", "republish", str(hours)]
        return lambda: _said(step, variables)

    because = ("--because", "a benchmark of the services")
    return [
        (0.25, command("experiments", "start", second, "--share", "0.3", *because)),
        (0.35, published(1)),
        (0.45, command("experiments", "share", "ctr", "0.6", *because)),
        (0.55, command("promote", second, *because)),
        (0.65, command("rollback", "ctr", *because)),
        (0.75, published(2)),
    ]


def check(question: Question, status: int, answer: object, witness: Witness, asked: float) -> tuple[str | None, float]:
    """What is wrong with an answer, if anything, and how long ago what it came from had been replaced."""
    wrong = fault(question, status, answer)
    if wrong or question.model is None:
        return wrong, 0.0
    assert isinstance(answer, dict)
    standings = list(witness.between(asked - TAKEN_UP_WITHIN, time.monotonic()))
    lags = []
    ends = [standing.until for standing in standings if standing.said.as_of == answer["as_of"]]
    if not ends:
        return "profiles that were not there, or replaced more than 5 s before", 0.0
    lags.append(max(ends))
    for row, customer_id in zip(rows(question, answer), question.customers, strict=True):
        given = row["model"], row["variant"]
        ends = [each.until for each in standings if each.said.answer(question.model, customer_id) == given]
        if not ends:
            return "a version or variant that is not this customer's, or was not any more for 5 s", 0.0
        lags.append(max(ends))
    return None, max(0.0, asked - min(lags))


async def _ask_for(
    seconds: float, url: str, key: str, door: Door, witness: Witness, outcome: Outcome
) -> None:
    champions = [model for model in catalog.MODELS if door.ledger.champion(model)]
    shown, until, seen = drawn(door, 20_000), time.monotonic() + seconds, set[str]()

    async def ask(client: httpx.AsyncClient, seed: int) -> None:
        questions = Questions(shown, champions, seed)
        while time.monotonic() < until:
            question, asked = questions.next(), time.monotonic()
            try:
                response = await client.request(question.method, question.path, json=question.body)
                status, answer = response.status_code, response.json()
            except (httpx.HTTPError, ValueError) as error:
                status, answer = 0, None
                outcome.faults[f"no answer: {type(error).__name__}"] += 1
            outcome.answers += 1
            if not status:
                continue
            wrong, lag = check(question, status, answer, witness, asked)
            ids = [] if wrong else prediction_ids(question, answer)[:1]
            if not seen.isdisjoint(ids):
                wrong = "a prediction id for the second time"
            seen.update(ids)
            if wrong:
                outcome.faults[f"{question.kind}: {wrong}"] += 1
                continue
            outcome.longest_lag = max(outcome.longest_lag, lag)
            questions.answered(ids)
            if question.path == "/ctr":
                outcome.as_of[answer["as_of"]] += 1
                outcome.told_by.update((row["model"], row["variant"]) for row in rows(question, answer))

    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client:
        await asyncio.gather(*(ask(client, seed) for seed in range(ASKING)))
