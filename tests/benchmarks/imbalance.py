"""What weighing or inventing the rarer class does to churn's probabilities: `make bench ONLY=imbalance`.

``python -m tests.benchmarks.imbalance`` backtests churn on the published cycle of ``AIMLOOP_STATE`` with each of the
ways there are, and prints what came of it as JSON. ``raw`` is what the model says where its log-odds are not taken
back to the classes as they were.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from models import catalog
from models.backtest import backtest
from models.calibration import Repair
from models.churn import ChurnModel
from models.imbalance import Imbalance
from models.metrics import log_loss, prediction_ratio
from tests.benchmarks.measure import Figure, environ, measured, published_state

MEASURES = {"auc": "", "log_loss": "nats", "prediction_ratio": ""}


def imbalance(folder: Path) -> dict[str, Figure]:
    """AUC, log-loss and prediction ratio on the reported window, and the earlier windows' AUC."""
    run = measured([sys.executable, "-m", "tests.benchmarks.imbalance"], environ(published_state(folder)))
    figures = {}
    for how, found in json.loads(run.stdout).items():
        for name, unit in MEASURES.items():
            metric = found["metrics"][name]
            figures[f"imbalance.{how}.{name}"] = Figure(metric["value"], unit, interval=(metric["low"], metric["high"]))
        for name, value in found["raw"].items():
            figures[f"imbalance.{how}.raw_{name}"] = Figure(value, MEASURES[name])
        for origin, auc in found["earlier"].items():
            figures[f"imbalance.{how}.auc.origin_{origin}"] = Figure(auc, "")
    return figures


def main() -> dict[str, Any]:
    """By what was done about imbalance."""
    from flows.context import open_cycle
    from flows.train import _settings, read_examples

    cycle, entry = open_cycle(), catalog.MODELS["churn"]
    frame = read_examples(cycle, entry)
    found = {}
    for how in get_args(Imbalance):
        params = catalog.params("churn", **_settings(cycle, "churn"), imbalance=how)
        result = backtest(entry.model, frame, cycle.as_of, params)
        churned, raw = result.later["churned"].to_numpy(dtype=bool), as_learned(result.fitted.model, result.later)
        ones = np.ones(len(raw))
        found[how] = {
            "metrics": {name: vars(result.metrics[name]) for name in MEASURES},
            "raw": {"log_loss": log_loss(churned, raw)(ones), "prediction_ratio": prediction_ratio(churned, raw)(ones)},
            "earlier": {origin: metrics["auc"].value for origin, metrics in result.earlier.items()},
        }
    return found


def as_learned(model: ChurnModel, later: Any) -> np.ndarray:
    """Probabilities without the offset that takes them back, and unrepaired."""
    return replace(model.propensity, boosted_offset=0.0, linear_offset=0.0, repair=Repair()).probability(later)


if __name__ == "__main__":
    print(json.dumps(main()))
