"""What the endpoints about customers have in common: look them up, score the known ones, answer for each."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from bentos.endpoint import Asked
from bentos.live import Live
from bentos.scoring import Rows, reasons, score
from bentos.shapes import ManyScored, OneScored

Explain = Callable[[Any, pd.DataFrame], list[list[str]]]


def answer_for_each(
    live: Live,
    model: str,
    request: OneScored | ManyScored,
    asked: Asked,
    told: Callable[[Any, dict[str, Any]], dict[str, Any]],
    explain: Explain,
) -> dict[str, Any]:
    """The answer with an entry for each customer, in order: who is not known has `is_known` false, and no more.

    ``told`` makes of a fitted model and what it predicted the fields of the entry.
    """
    look = live.look
    pseudonyms = look.pseudonyms(request.ids)
    columns, found = look.customers(pseudonyms)
    is_known = [features is not None for features in found]
    rows = Rows(request.ids, pseudonyms, columns, found, is_known)
    answered = score(live, look, model, rows, asked)
    entries = answered.rows()
    for entry, version, said in zip(entries, answered.versions, answered.said, strict=True):
        entry["is_known"] = said is not None
        if said is not None:
            entry |= told(version.fitted, dict(said))
    if request.explain:
        for i, because in reasons(answered, rows, explain).items():
            entries[i]["because"] = because
    return {**look.head(asked.request_id), "customers": entries}
