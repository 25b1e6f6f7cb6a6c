"""The report of a replay: facts of the ledger and the pieces, as one document and one page."""

from typing import Any

import pandas as pd

from flows.context import Door
from flows.replay.pieces import Pieces
from flows.replay.plan import Plan
from models.replay.policies import gains


def write(plan: Plan, door: Door, pieces: Pieces) -> dict[str, Any]:
    frames = [pd.read_parquet(p) for b in plan.blocks() if (p := pieces.visits(b.number)).exists()]
    visits = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    document = {"plan": plan.facts(), "gains": [str(g) for g in gains(visits, door.settings.seed)]}
    pieces.note(pieces.results, document)
    return document
