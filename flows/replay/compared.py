"""Policies on the rows of a block: what the loop answered, the first champion for ever, each newest version at once.

The service answers by one version alone, so what others would have said is computed in batch, from the profiles that
the service answers from; where both are there, they must agree (`largest gap`, about 1e-15).
"""

import numpy as np
import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from flows.context import Cycle
from flows.replay import shown
from infra.errors import AimloopError
from infra.ledger_rows import ChampionRow
from models.metrics import log_loss_rows
from models.replay.picks import by_visit, picked_on_average, taken
from models.replay.policies import ALWAYS, LOOP, NEVER

CTR = "ctr"
MOST_GAP = 1e-6


def visits_of(cycle: Cycle, rows: pd.DataFrame, answers: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """A row a visit with losses and rewards of each policy; the largest difference of service and batch.

    Raises:
        AimloopError: they differ by more than ``MOST_GAP``: then nothing that is compared would mean anything.
    """
    rows = rows.reset_index(drop=True)
    known = shown.features(cycle, rows)
    said = {tag: shown.click_probabilities(tag, known).to_numpy() for tag in _tags(cycle, answers)}
    served = answers["value"].to_numpy()
    in_batch = np.select([(answers["version"] == tag).to_numpy() for tag in said], list(said.values()), np.nan)
    gap = float(np.nanmax(np.abs(served - in_batch)))
    if not gap <= MOST_GAP:
        raise AimloopError(
            f"the service and batch predictions differ by {gap:.1e}",
            "the features of one of them are wrong",
        )
    # of what was served the batch value stands too: the same version is the same, to the last digit
    values = {LOOP: in_batch, NEVER: said[first_champion(cycle)], ALWAYS: said[newest(cycle)]}
    clicked, weight, visit = (answers[name].to_numpy() for name in ("clicked", "weight", "visit"))
    count = answers["visit"].nunique()
    found = by_visit(
        answers,
        {name: taken(visit, value, clicked, weight) for name, value in values.items()},
        {name: log_loss_rows(clicked, value) for name, value in values.items()},
    )
    for name, value in values.items():
        average = picked_on_average(count, value, clicked, weight)
        found[f"average_{name}"] = np.bincount(np.unique(visit, return_inverse=True)[1], average)
    return found, gap


def _tags(cycle: Cycle, answers: pd.DataFrame) -> list[str]:
    return sorted({*answers["version"].unique(), first_champion(cycle), newest(cycle)})


def first_champion(cycle: Cycle) -> str:
    """The version that would answer for ever, if nobody ever retrained."""
    query = select(ChampionRow.tag).where(ChampionRow.model == CTR).order_by(ChampionRow.id).limit(1)
    with Session(cycle.door.ledger.engine) as session:
        return session.scalars(query).one()


def newest(cycle: Cycle) -> str:
    """The version that would answer now, if each took its place at once."""
    known = [v for v in cycle.door.ledger.versions() if v.model == CTR]
    return max(known, key=lambda version: pd.Timestamp(version.report["as_of"])).tag
