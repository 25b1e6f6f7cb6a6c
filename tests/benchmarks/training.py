"""How long the models of a published cycle take to train, and how much memory: `make bench ONLY=training`.

``python -m tests.benchmarks.training`` reads the marts of the published cycle of ``AIMLOOP_STATE`` and backtests every
model of the catalogue on them, nothing else; it prints the seconds of each as JSON.
"""

import json
import sys
import time
from pathlib import Path

from tests.benchmarks.measure import Figure, at_most, environ, measured, published_state


def training(folder: Path) -> dict[str, Figure]:
    """A fresh process, start and imports included."""
    run = measured([sys.executable, "-m", "tests.benchmarks.training"], environ(published_state(folder)))
    return {
        "training.seconds": at_most(run.seconds, 25, "s"),
        "training.peak_gib": at_most(run.peak_gib, 3, "GiB"),
        **{f"training.{name}_seconds": Figure(s, "s") for name, s in json.loads(run.stdout).items()},
    }


def main() -> dict[str, float]:
    """Seconds by model, reading included."""
    from flows.context import open_cycle

    cycle, seconds = open_cycle(), {}  # as in the command: how threads wait is set before LightGBM is there
    from flows.train import _settings, read_examples
    from models import catalog
    from models.backtest import backtest

    for name, entry in catalog.MODELS.items():
        began = time.monotonic()
        params = catalog.params(name, **_settings(cycle, name))
        backtest(entry.model, read_examples(cycle, entry), cycle.as_of, params)
        seconds[name] = round(time.monotonic() - began, 3)
    return seconds


if __name__ == "__main__":
    print(json.dumps(main()))
