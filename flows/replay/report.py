"""The report of a replay, from its ledger and its pieces: one document, and one page."""

from dataclasses import asdict
from typing import Any

import pandas as pd

from flows.context import Door
from flows.replay.facts import Facts
from flows.replay.pieces import Pieces
from flows.replay.plan import Plan
from infra.files import publish_text
from models.replay.content import Story
from models.replay.page import render
from models.replay.picks import ASSUMPTION
from models.replay.policies import by_block, gains


def write(plan: Plan, door: Door, pieces: Pieces) -> dict[str, Any]:
    """Write page and document; returns the document, with where both lie."""
    story = tell(plan, door, pieces)
    publish_text(pieces.report, render(story))
    document = _plain(asdict(story) | {"blocks": story.blocks.to_dict("records")})
    for given, gain in zip(document["gains"], story.gains, strict=True):
        given["verdict"] = gain.verdict
    pieces.note(pieces.results, document)
    return document | {"report": str(pieces.report), "results": str(pieces.results)}


def tell(plan: Plan, door: Door, pieces: Pieces) -> Story:
    """What has been found so far."""
    frames = [pd.read_parquet(path) for b in plan.blocks() if (path := pieces.visits(b.number)).exists()]
    visits = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    facts = Facts(plan, door, pieces)
    return Story(
        plan=plan.facts(),
        turns=facts.turns(),
        reigns=facts.reigns(),
        trials=facts.trials(),
        checks=facts.checks(),
        reactions=facts.reactions(),
        gains=gains(visits, door.settings.seed),
        blocks=by_block(visits),
        assumption=ASSUMPTION,
        ends=plan.last,
    )


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, dict):
        return {str(key): _plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(held) for held in value]
    return value.isoformat() if isinstance(value, pd.Timestamp) else value
