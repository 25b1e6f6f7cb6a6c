"""Retrain: what a drift verdict leads to."""

from typing import Any

from flows.context import Door


def ask_for_retraining(door: Door, model: str, reason: str, evidence: dict[str, Any]) -> dict[str, Any]:
    """Emit the event that the automation answers; without a lasting server, retrain at once.

    The request is a row of the ledger, so that of two only the first is carried out and its reason is kept.
    """
    raise NotImplementedError
