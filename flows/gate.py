"""The gate as a cycle passes a candidate through it: both versions score the rows that the candidate was tested on."""

import statistics
import time
from typing import Any

import pandas as pd

from flows import cards
from flows.context import Cycle
from infra import registry
from infra.experiment_settings import Experimentation
from infra.loop_contracts import PairedPredictions
from infra.warehouse import checked
from models.backtest import Backtest
from models.card.slices import ATTRIBUTES, TENURE, with_attributes
from models.catalog import Entry
from models.fitted import Fitted
from monitoring.gate import Cost, GateRule, judge_gate

_TURNS = 15


def gate(cycle: Cycle, entry: Entry, champion: Fitted, result: Backtest) -> dict[str, Any]:
    """The judgement of a candidate, as JSON (`monitoring.gate.GateJudgement`)."""
    rows = paired(cycle, entry, champion, result)
    cost = Cost(row_ms(entry, result.fitted, result.later), registry.size_bytes(result.fitted))
    settings = cycle.door.settings
    rule = rule_of(settings.experiments, entry, settings.seed)
    return judge_gate(rows, [*ATTRIBUTES, TENURE], cost, rule).plain()


def rule_of(settings: Experimentation, entry: Entry, seed: int) -> GateRule:
    """What the settings ask of a candidate; segments have no outcome that an experiment could be decided by."""
    return GateRule(
        loss=entry.loss,
        must_be_sure=entry.tried == "by gate",
        margin=settings.gate_margin,
        slice_margin=settings.gate_slice_margin,
        calibration=settings.gate_calibration,
        max_row_ms=settings.gate_row_ms,
        max_bytes=settings.gate_megabytes * 1e6,
        seed=seed,
    )


def paired(cycle: Cycle, entry: Entry, champion: Fitted, result: Backtest) -> pd.DataFrame:
    """What both versions say of the rows that the new one was evaluated on, with the customers' attributes."""
    ours, theirs = (entry.outcomes(fitted, result.later) for fitted in (result.fitted, champion))
    found = ours.rename(columns={"predicted": "candidate"}).assign(champion=theirs["predicted"].to_numpy())
    columns = ["pseudonym", "snapshot_at", "weight", "actual", "champion", "candidate"]
    with_groups = with_attributes(found[columns], _known(cycle, result.later))
    return checked(PairedPredictions, with_groups, "scored rows", in_place=True)


def _known(cycle: Cycle, later: pd.DataFrame) -> pd.DataFrame:
    """Attributes of the customers: rows about customers have them, those about impressions do not."""
    columns = ["pseudonym", "snapshot_at", *ATTRIBUTES, "tenure_days"]
    return later[columns] if set(columns) <= set(later) else cards.known(cycle, later)


def row_ms(entry: Entry, fitted: Fitted, frame: pd.DataFrame) -> float:
    """Milliseconds that a service takes to score one row: the median of some turns."""
    row = [tuple(None if pd.isna(value) else value for value in frame.iloc[0])]
    scorer = entry.model.scorer(fitted, list(frame.columns))
    taken = []
    for _ in range(_TURNS):
        began = time.perf_counter()
        scorer(row)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e3
