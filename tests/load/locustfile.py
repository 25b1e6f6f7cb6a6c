"""The users that locust plays: `python -m locust -f tests/load/locustfile.py --headless`, as `make load` calls it.

Wants a plan (``run.Plan``, as JSON) in the file that ``AIMLOOP_LOAD_PLAN`` names; what each request came to is written
beside it. Locust replaces parts of the standard library with its own when it is imported: nothing else imports this.
"""

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

from locust import FastHttpUser, between, events, task

from tests.load.answers import fault, prediction_ids
from tests.load.questions import Questions
from tests.load.traffic import Shown

FILE = Path(os.environ["AIMLOOP_LOAD_PLAN"])
PLAN = json.loads(FILE.read_text(encoding="utf-8"))
SHOWN = [Shown(*row) for row in PLAN["shown"]]
HEADERS = {"Authorization": f"Bearer {PLAN['key']}", "Content-Type": "application/json"}

milliseconds: dict[str, list[float]] = defaultdict(list)
faults: dict[str, list[str]] = defaultdict(list)
seen: set[str] = set()  # the first prediction id of each answer
users: list["Application"] = []


class Application(FastHttpUser):
    """Asks, reads the answer, waits 10 ms on average, asks again."""

    host = PLAN["url"]
    wait_time = between(0, 0.02)

    def on_start(self) -> None:
        users.append(self)
        self.questions = Questions(SHOWN, PLAN["models"], seed=len(users))

    @task
    def ask(self) -> None:
        question = self.questions.next()
        body = None if question.body is None else json.dumps(question.body)
        with self.client.request(
            question.method, question.path, name=question.kind, data=body, headers=HEADERS, catch_response=True
        ) as response:
            answer = _parsed(response)
            wrong = fault(question, response.status_code, answer)
            ids = [] if wrong else prediction_ids(question, answer)
            if not seen.isdisjoint(ids[:1]):
                wrong = "a prediction id for the second time"
            if wrong:
                response.failure(wrong)
                return
            response.success()
        seen.update(ids[:1])
        self.questions.answered(ids)


def _parsed(response: Any) -> Any:
    try:
        return response.json()
    except (ValueError, TypeError):  # no JSON, or no answer at all: the status says so
        return None


@events.request.add_listener
def _note(name: str, response_time: float, exception: Exception | None, **_: Any) -> None:
    milliseconds[name].append(response_time)
    if exception is not None:
        faults[name].append(str(exception))


@events.quitting.add_listener
def _write(environment: Any, **_: Any) -> None:
    found = {"milliseconds": milliseconds, "faults": faults}
    FILE.with_suffix(".found").write_text(json.dumps(found), encoding="utf-8")
    environment.process_exit_code = 0  # whether it failed is said by whoever reads what was found
