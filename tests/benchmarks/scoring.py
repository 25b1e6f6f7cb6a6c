"""How long the champions of a published cycle take to score a few rows, beside ``predict``: `make bench ONLY=scoring`.

``python -m tests.benchmarks.scoring`` scores rows that the champions of ``AIMLOOP_STATE`` learned from, nothing else,
and prints for each model the median milliseconds of the scorer on one row and on a hundred, and of ``predict`` on one.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from models.backtest import Model
from models.fitted import Fitted
from tests.benchmarks.measure import Figure, at_most, environ, measured, published_state

MOST_MS = {"ctr": 0.12}  # of one row; the others' models ask more of one
CALLS = 1_000


def scoring(folder: Path) -> dict[str, Figure]:
    """A fresh process with as many threads as it likes."""
    run = measured([sys.executable, "-m", "tests.benchmarks.scoring"], environ(published_state(folder)))
    figures = {}
    for name, (one, hundred, predicted) in json.loads(run.stdout).items():
        figures[f"scoring.{name}_one_row_ms"] = at_most(one, MOST_MS.get(name, 1.0), "ms")
        figures[f"scoring.{name}_hundred_rows_ms"] = (
            at_most(hundred, 1.0, "ms") if name == "ctr" else Figure(hundred, "ms")
        )
        figures[f"scoring.{name}_predict_to_scorer"] = Figure(predicted / one, "×")
    return figures


def main() -> dict[str, tuple[float, float, float]]:
    """By model."""
    from infra import registry
    from infra.ledger import Ledger
    from infra.settings import load
    from infra.state import State
    from models.catalog import MODELS

    state = State(load(os.environ, Path.cwd()).state).open()
    state.set_homes(os.environ)
    ledger = Ledger(state.ledger)
    return {name: _timed(entry.model, registry.load(ledger.champion(name))) for name, entry in MODELS.items()}


def _timed(model: Model, fitted: Fitted) -> tuple[float, float, float]:
    """Scorer on one row, on a hundred, ``predict`` on one: median milliseconds."""
    some = fitted.reference.head(100)
    rows = [tuple(row) for row in some.astype(object).where(some.notna(), None).to_numpy()]
    score, row, frame = model.scorer(fitted, list(some.columns)), rows[:1], some.head(1)
    return (
        _median_ms(lambda: score(row), CALLS),
        _median_ms(lambda: score(rows), CALLS // 5),
        _median_ms(lambda: model.predict(fitted, frame), CALLS // 20),
    )


def _median_ms(call: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return 1_000 * statistics.median(taken)


if __name__ == "__main__":
    print(json.dumps(main()))
