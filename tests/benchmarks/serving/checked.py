"""A load of which every answer is checked: its status, its shape, and that it came from the version and the profiles
that it should have come from.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from flows.context import Door
from models import catalog
from tests.benchmarks.serving.witness import Witness
from tests.load.answers import fault, prediction_ids, rows
from tests.load.questions import Question, Questions
from tests.load.traffic import drawn

ASKING = 8
TAKEN_UP_WITHIN = 5.0  # seconds from a change to when every answer knows it


@dataclass
class Found:
    """What became of all answers. ``within``: seconds from a change to when every answer must know it.
    ``longest_lag``: seconds from a change to the last question whose answer did not know it. ``told``: how many rows
    each version and variant of ctr told, and how many answers had which as-of.
    """

    within: float = TAKEN_UP_WITHIN
    answers: int = 0
    longest_lag: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    told: Counter[Any] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set, repr=False)  # the first prediction id of each answer


async def ask_while(
    goes_on: Callable[[], bool], url: str, key: str, door: Door, witness: Witness, within: float = TAKEN_UP_WITHIN
) -> Found:
    """Several ask side by side, each again as soon as it has its answer."""
    champions = [model for model in catalog.MODELS if door.ledger.champion(model)]
    shown, found = drawn(door, 20_000), Found(within)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client, asyncio.TaskGroup() as all_:
        for seed in range(ASKING):
            all_.create_task(_ask(goes_on, client, Questions(shown, champions, seed), witness, found))
    return found


async def _ask(
    goes_on: Callable[[], bool], client: httpx.AsyncClient, questions: Questions, witness: Witness, found: Found
) -> None:
    while goes_on():
        question, asked = questions.next(), time.monotonic()
        try:
            response = await client.request(question.method, question.path, json=question.body)
            status, answer = response.status_code, response.json()
        except (httpx.HTTPError, ValueError) as error:
            found.answers += 1
            found.faults[f"{question.kind}: {type(error).__name__}"] += 1
            continue
        questions.answered(note(question, status, answer, witness, asked, found))


def note(question: Question, status: int, answer: Any, witness: Witness, asked: float, found: Found) -> list[str]:
    """Check an answer that has just come; the ids of its predictions, none where something is wrong."""
    found.answers += 1
    wrong, lag = judged(question, status, answer, witness, asked, time.monotonic(), found.within)
    ids = [] if wrong else prediction_ids(question, answer)
    if not found.seen.isdisjoint(ids[:1]):
        wrong = "a prediction id for the second time"
    if wrong:
        found.faults[f"{question.kind}: {wrong}"] += 1
        return []
    found.seen.update(ids[:1])
    found.longest_lag = max(found.longest_lag, lag)
    if question.model == "ctr":
        found.told.update((row["model"], row["variant"]) for row in rows(question, answer))
        found.told[answer["as_of"]] += 1
    return ids


def judged(
    question: Question,
    status: int,
    answer: Any,
    witness: Witness,
    asked: float,
    answered: float,
    within: float = TAKEN_UP_WITHIN,
) -> tuple[str | None, float]:
    """What is wrong with an answer, if anything; and for how long what it came from had been replaced when asked."""
    wrong = fault(question, status, answer)
    if wrong or question.model is None:
        return wrong, 0.0
    standings = list(witness.between(asked - within, answered))
    ends = [max((each.until for each in standings if each.said.as_of == answer["as_of"]), default=None)]
    for row, customer_id in zip(rows(question, answer), question.customers, strict=True):
        given = row["model"], row["variant"]
        theirs = (each.until for each in standings if each.said.answer(question.model, customer_id) == given)
        ends.append(max(theirs, default=None))
    known = [end for end in ends if end is not None]
    if len(known) < len(ends):
        what = "profiles" if ends[0] is None else "a version, or a variant,"
        return f"from {what} that should not have answered", 0.0
    return None, max(0.0, asked - min(known))
