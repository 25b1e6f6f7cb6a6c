"""Limits that a table of channels asks for: of rows, of shares, of channels as a whole, of who may be contacted."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from models.budget.problem import Rule, Where
from models.budget.tables import ALL
from models.errors import BadProblem

KEYS = ("channel", "segment", "offer", "period")
OF_CHANNEL = ["fixed_units", "min_return", "batch_units"]


def of_rows(rows: pd.DataFrame) -> list[Rule]:
    """Each of a channel's several rows has its own least and most units."""
    found = []
    for row in rows.to_dict("records"):
        names = {f"{key}s": (row[key],) for key in KEYS if row[key] != ALL}
        label = " · ".join(str(row[key]) for key in KEYS if row[key] != ALL)
        found.append(
            Rule(
                name=label,
                measure="units",
                where=Where(**names),
                at_least=float(row["min_units"]) or None,
                at_most=float(row["max_units"]) if np.isfinite(row["max_units"]) else None,
            )
        )
    return [rule for rule in found if rule.at_least is not None or rule.at_most is not None]


def shares(table: pd.DataFrame, most: Mapping[str, float]) -> list[Rule]:
    known = table["channel"].unique().tolist()
    for chosen in most:
        if chosen not in known:
            what, remedy = f"there is no channel '{chosen}'", f"choose among {', '.join(known)}"
            raise BadProblem("--max-share", None, "channel", what, remedy)
    found = []
    for channel, rows in table.groupby("channel", sort=False):
        least, cap = rows["min_share"].max(), np.fmin(rows["max_share"].min(), most.get(str(channel), np.nan))
        for word, amount, side in (("at least", least, "at_least"), ("at most", cap, "at_most")):
            if np.isfinite(amount):
                name = f"{word} {amount:.4g} of all money on {channel}"
                where = Where(channels=(str(channel),))
                found.append(Rule(name=name, measure="cost", where=where, is_share=True, **{side: float(amount)}))
    return found


def of_channels(table: pd.DataFrame) -> pd.DataFrame:
    """What holds for each channel as a whole."""
    whole = table.groupby("channel", sort=False)[OF_CHANNEL].max().reset_index()
    alone = table.drop_duplicates("channel", keep=False).set_index("channel")
    whole["min_units"] = whole["channel"].map(alone["min_units"]).fillna(0.0)
    whole["max_units"] = whole["channel"].map(alone["max_units"]).fillna(np.inf)
    return whole


def contacts(measured: pd.DataFrame, channels: Sequence[str], most: float) -> list[Rule]:
    """A customer is contacted so often at most within the plan, over all ``channels`` that contact people.

    Args:
        measured: ``segment`` and ``reachable``: how many consent.
        channels: Those whose unit is a contact.
        most: Contacts of a customer, on average over a segment.
    """
    reachable = measured.drop_duplicates("segment").set_index("segment")["reachable"].fillna(0).astype(float)
    return [
        Rule(
            name=f"at most {most:g} contacts a customer: {segment}",
            measure="units",
            where=Where(channels=tuple(channels), segments=(str(segment),)),
            at_most=most * customers,
        )
        for segment, customers in reachable.items()
    ]


def reach(channel: str, results: pd.DataFrame, part: pd.DataFrame) -> pd.DataFrame:
    """Who of a segment may be contacted, once within the plan."""
    told = results[results["segment"].isin(part["segment"])]
    return pd.DataFrame(
        {"channel": channel, "segment": told["segment"], "max_units": told["reachable"].fillna(0).astype(float)}
    )
