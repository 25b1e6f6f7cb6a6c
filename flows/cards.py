"""Cards: the model card of each version, written as it is registered; one HTML page and the same as JSON."""

import json
import logging
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from flows.context import Cycle, now
from infra.files import publish_text
from infra.state import State
from models import catalog
from models.backtest import Backtest
from models.card.content import Facts, describe
from models.card.page import render
from models.card.slices import ATTRIBUTES
from models.card.words import WORDS


def path_of(state: State, tag: str) -> Path:
    """Where the card of a version lies: a rule and not a record, so that a state folder can be moved."""
    model, cycle_id = tag.split(":", 1)
    return state.cards / model / f"{cycle_id}.html"


def attempt(cycle: Cycle, name: str, result: Backtest, registered: dict[str, Any]) -> dict[str, Any]:
    """Write the card; a version that is trained and registered is not lost because its card fails, but it is said.

    ``registered``: what the ledger was told of the version, with tag, is_champion and comparison. Returns
    ``card``, the path or None, and ``card_problem``, the reason or None.
    """
    try:
        path = write(cycle, name, result, registered)
    except Exception as error:
        logging.getLogger(__name__).exception("the card of %s was not written", registered["tag"])
        return {"card": None, "card_problem": f"{type(error).__name__}: {error}"}
    return {"card": str(path), "card_problem": None}


def write(cycle: Cycle, name: str, result: Backtest, registered: dict[str, Any]) -> Path:
    """Describe a version and write its page; returns where."""
    entry = catalog.MODELS[name]
    facts = Facts(
        tag=registered["tag"],
        model=name,
        standing="champion" if registered["is_champion"] else "candidate",
        written_at=f"{now():%Y-%m-%d %H:%M}",
        as_of=f"{pd.Timestamp(registered['as_of']):%Y-%m-%d %H:%M}",
        headline=entry.headline,
        baseline=entry.baseline,
        git_commit=registered["git_commit"],
        environment=registered["environment"],
        parameters=registered["parameters"],
        comparison=registered["comparison"],
    )
    card = describe(facts, WORDS[name], entry.model, result, result.past, known(cycle, result.later))
    path = path_of(cycle.door.state, registered["tag"])
    path.parent.mkdir(parents=True, exist_ok=True)
    page, content = render(card), json.dumps(_plain(asdict(card)), indent=1, default=str)  # both, or neither
    publish_text(path.with_suffix(".json"), content)
    publish_text(path, page)
    return path


def read(state: State, tag: str) -> dict[str, Any] | None:
    """What the card of a version says, as JSON; None where none was written."""
    file = path_of(state, tag).with_suffix(".json")
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None


def known(cycle: Cycle, later: pd.DataFrame) -> pd.DataFrame:
    """Attributes of customers at the snapshots of the evaluated rows, which rows of impressions lack."""
    columns = ", ".join(("pseudonym", "snapshot_at", *ATTRIBUTES, "tenure_days"))
    between = "snapshot_at BETWEEN $first AND $last"
    first, last = later["snapshot_at"].min(), later["snapshot_at"].max()
    return cycle.generation.query(
        f"SELECT {columns} FROM marts.customer_features WHERE {between}", first=first, last=last
    )


def _plain(value: Any) -> Any:
    """JSON knows neither NaN nor infinity."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
