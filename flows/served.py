"""Served: what services said with a version, beside what came of it."""

from datetime import timedelta

import pandas as pd
from pandera.typing.pandas import DataFrame

from flows.context import Cycle, horizon_days, now
from flows.thresholds import IMPRESSION_WEEKS, LABELLED_ROWS, WEEK
from infra import later_labels, served_evidence
from infra.loop_contracts import LabelledPredictions
from infra.warehouse import checked
from models import catalog


def served(cycle: Cycle, name: str, tag: str) -> DataFrame[LabelledPredictions] | None:
    """Answers of the last four weeks whose outcome is known by now; None where there are none."""
    entry, door = catalog.MODELS[name], cycle.door
    if entry.tried == "by share":
        setting = door.settings.experiments
        window = timedelta(days=setting.attribution_days)
        since = now() - window - IMPRESSION_WEEKS * WEEK.to_pytimedelta()
        of_shown = setting.clicks_of == "shown"
        rows = served_evidence.clicks(door.state, door.keys, tag, since, window, now(), of_shown, LABELLED_ROWS)
    elif entry.outcome is not None:
        rows = _later(cycle, name, tag, entry.outcome)
    else:
        return None
    return checked(LabelledPredictions, rows.assign(weight=1.0, part=None), "served predictions") if len(rows) else None


def _later(cycle: Cycle, name: str, tag: str, outcome: str) -> pd.DataFrame:
    """Of models whose labels come with the marts: pseudonym, predicted, actual."""
    horizon = horizon_days(cycle.door.settings, name)
    since = cycle.as_of - IMPRESSION_WEEKS * WEEK - pd.Timedelta(days=horizon)
    said = served_evidence.scores(cycle.door.state, cycle.door.keys, tag, since.to_pydatetime())
    if said.empty:
        return said
    instants = [instant.to_pydatetime() for instant in said["as_of"].unique()]
    known = later_labels.labels(cycle.generation, instants, horizon)
    both = said.merge(known, on=["pseudonym", "as_of"])
    return both.assign(actual=both[outcome].astype(float))[["pseudonym", "predicted", "actual"]]
