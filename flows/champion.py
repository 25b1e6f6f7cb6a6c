"""The champion beside a new version; one that cannot be used is a reason to note and to go past it, not an error."""

import logging
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from flows.context import Cycle
from flows.gate import gate
from infra import registry
from infra.errors import AimloopError
from infra.ledger import Version
from models.backtest import Backtest
from models.catalog import Entry
from models.fitted import Fitted
from models.metrics import plain

_ROWS_TO_TRY = 100


@dataclass(frozen=True)
class Outcome:
    """The new version with what it takes over, the comparison for the ledger, and why the champion is of no use."""

    result: Backtest
    comparison: dict[str, Any]
    unusable: str | None = None


def beside(cycle: Cycle, entry: Entry, name: str, result: Backtest, params: Any) -> Outcome:
    """The champion on the very rows the new version was evaluated on, and what it hands on, such as segments' names.

    The comparison is empty where there is no champion, or the new version is that very one. A champion is of no use
    where it cannot be read or cannot predict: services and the cycle that scores would fail as well.
    """
    champion = next((version for version in cycle.door.ledger.versions() if _is_champion(version, name)), None)
    if champion is None or champion.tag == registry.tag_of(name, cycle.id):
        return Outcome(result, {})
    try:
        fitted = registry.load(champion.tag)
        registry.reference(champion.tag)  # drift is measured against it
        entry.model.predict(fitted, result.later.head(_ROWS_TO_TRY))
        comparison = _compared(champion, fitted, entry, result, params)
    except Exception as error:  # other code may have written it, and then anything can be missing
        logging.getLogger(__name__).warning("%s cannot be used", champion.tag, exc_info=True)
        reason = _in_words(error)
        note = f"the champion could not be used: {reason}"
        return Outcome(result, {"champion": champion.tag, "note": note}, unusable=reason)
    if "champion_metrics" in comparison:
        comparison |= _gated(cycle, entry, name, fitted, result)
    if entry.follow is None:
        return Outcome(result, comparison)
    try:
        return Outcome(replace(result, fitted=entry.follow(result.fitted, fitted)), comparison)
    except Exception as error:
        logging.getLogger(__name__).warning("nothing is taken over from %s", champion.tag, exc_info=True)
        notes = (comparison.get("note"), f"nothing was taken over from the champion: {_in_words(error)}")
        return Outcome(result, comparison | {"note": "; ".join(filter(None, notes))})


def _is_champion(version: Version, name: str) -> bool:
    return version.model == name and version.is_champion


def _compared(champion: Version, fitted: Fitted, entry: Entry, result: Backtest, params: Any) -> dict[str, Any]:
    if pd.Timestamp(champion.report["origin"]) > result.window.origin:
        return {"champion": champion.tag, "note": "the champion was trained on later data: not comparable"}
    metrics = entry.model.evaluate(fitted, result.later, params)
    return {"champion": champion.tag, "rows": len(result.later), "champion_metrics": plain(metrics)}


def _gated(cycle: Cycle, entry: Entry, name: str, champion: Fitted, result: Backtest) -> dict[str, Any]:
    """The gate's judgement; without one the version stays a candidate, and the reason is noted."""
    try:
        return {"gate": gate(cycle, entry, champion, result)}
    except Exception as error:
        logging.getLogger(__name__).warning("%s was not judged by the gate", name, exc_info=True)
        return {"note": f"the gate could not judge it: {_in_words(error)}"}


def _in_words(error: Exception) -> str:
    return error.what if isinstance(error, AimloopError) else f"{type(error).__name__}: {error}".removesuffix(": ")
