"""Bank marketing, real calls of 2008 to 2010: does the propensity that churn and CTR use hold on data of others?

Wants ``bank_marketing/bank-additional-full.parquet`` in the folder that ``AIMLOOP_BENCH_DATA`` names (Moro, Cortez &
Rita, "A data-driven approach to predict the success of bank telemarketing", 2014; UCI, CC BY 4.0; rows in the order of
time). How long a call took is left out: it is known afterwards. The first 70 % are learned from, the last 30 % judged
on, once. Whatever is chosen (features and parameters below, and what ``choose`` does by itself) is chosen on rolling
origins within the first 70 %; decision 0025 says what was tried.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console

from models import propensity
from models.backtest import Rehearsal
from models.encoding import Encoder
from models.metrics import Metric, at_once, difference, log_loss, prediction_ratio, weighted_auc, with_intervals
from models.propensity import Params
from tests.benchmarks.cdnow import DATA
from tests.benchmarks.measure import Figure, at_least

LEARNED_FROM = 0.7
ORIGINS = {
    0.4: 0.5,
    0.5: 0.6,
    0.6: 0.7,
    0.65: 0.7,
}  # each earlier window from its origin to its end, shares of all rows
NEVER_CALLED = 999  # days since the last campaign's call
NUMERIC = ("age", "campaign", "pdays", "previous", "nr.employed")
CATEGORICAL = ("contact", "poutcome", "month", "job", "default")
PARAMS = Params(
    rounds=300,
    learning_rate=0.03,
    leaves=4,
    min_rows_in_leaf=20,
    feature_share=0.3,
    ridge=10.0,
    increasing=("previous",),
    decreasing=("campaign", "nr.employed"),
)


def bank(_: Path) -> dict[str, Figure]:
    """AUC on the last 30 %, beside the earlier origins'."""
    source = Path(os.environ.get(DATA, "")) / "bank_marketing" / "bank-additional-full.parquet"
    if not os.environ.get(DATA) or not source.is_file():
        Console().print(f"  skipped: {DATA} names no folder with bank_marketing/ in it")
        return {}
    frame, label = calls(source)
    past, later = slice(0, _row(frame, LEARNED_FROM)), slice(_row(frame, LEARNED_FROM), None)
    rehearsals = {origin: rehearse(frame, label, origin, end) for origin, end in ORIGINS.items()}
    chosen: Params = propensity.choose(list(rehearsals.values()), PARAMS)
    model = propensity.fit(frame[past], label[past], encoder(frame[past]), chosen, 0.0)
    ours, baseline = model.probability(frame[later]), model.baseline_probability(frame[later])
    auc = weighted_auc(label[later], ours)
    measures = {
        "auc": auc,
        "baseline_auc": weighted_auc(label[later], baseline),
        "gain_over_baseline": difference(auc, weighted_auc(label[later], baseline)),
        "log_loss": log_loss(label[later], ours),
        "prediction_ratio": prediction_ratio(label[later], ours),
    }
    rows = pd.Series(np.arange(len(ours)))
    found = with_intervals(measures, rows, np.ones(len(ours)), 500, PARAMS.seed)
    earlier = {
        f"bank.auc.origin_{origin:.0%}".replace("%", ""): auc_of(rehearsal, chosen)
        for origin, rehearsal in rehearsals.items()
    }
    return {
        "bank.auc": at_least(found["auc"].value, 0.66, "", span(found["auc"])),
        **{f"bank.{name}": Figure(found[name].value, "", interval=span(found[name])) for name in list(measures)[1:]},
        **{name: Figure(value, "") for name, value in earlier.items()},
        "bank.rounds": Figure(chosen.rounds, "trees"),
        "bank.boosting_share": Figure(chosen.boosting_share, ""),
        "bank.inverse_penalty": Figure(chosen.inverse_penalty, ""),
        "bank.repair_slope": Figure(chosen.repair.slope, ""),
    }


def calls(source: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Features of each call, in the order of time, and whether it sold a deposit."""
    frame = pd.read_parquet(source)
    never = frame["pdays"] == NEVER_CALLED
    return frame[[*NUMERIC, *CATEGORICAL]].assign(pdays=frame["pdays"].astype(float).mask(never)), (
        frame["y"] == "yes"
    ).to_numpy()


def rehearse(frame: pd.DataFrame, label: np.ndarray, origin: float, end: float) -> Rehearsal:
    """What every choice says of the rows from the origin on, learned from those before."""
    first, last = _row(frame, origin), _row(frame, end)
    past, later = frame[:first], frame[first:last]
    ones = np.ones(len(later))
    model, candidates = propensity.candidates(
        past, label[:first], later, label[first:last], ones, encoder(past), PARAMS, 0.0
    )
    auc = weighted_auc(label[first:last], model.probability(later))
    return Rehearsal(at_once({"auc": auc}, ones), candidates)


def auc_of(rehearsal: Rehearsal, chosen: Params) -> float:
    """With the choices made."""
    judged = rehearsal.evidence.judged(chosen)
    return weighted_auc(judged.label, judged.log_odds)(judged.weight)


def encoder(frame: pd.DataFrame) -> Encoder:
    return Encoder.fit(frame, NUMERIC, CATEGORICAL)


def span(metric: Metric) -> tuple[float, float]:
    assert metric.low is not None
    assert metric.high is not None
    return metric.low, metric.high


def _row(frame: pd.DataFrame, share: float) -> int:
    return int(len(frame) * share)
