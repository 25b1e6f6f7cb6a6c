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
        told = [key for key in KEYS if key == "channel" or row[key] != ALL]  # a channel may be called 'all'
        names = {f"{key}s": (row[key],) for key in told}
        label = " · ".join(str(row[key]) for key in told)
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
        _finite("--max-share", chosen, most[chosen])
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


def periods(table: pd.DataFrame, budgets: Mapping[str, float]) -> pd.DataFrame | None:
    """Budgets of periods of the table; None where there are none."""
    known = [name for name in table["period"].unique().tolist() if name != ALL]
    for name, budget in budgets.items():
        if not known:
            what, remedy = f"there is no period '{name}'", "give the channels a column 'period'"
            raise BadProblem("--periods", None, "period", what, remedy)
        if name not in known:
            what, remedy = f"there is no period '{name}'", f"choose among {', '.join(known)}"
            raise BadProblem("--periods", None, "period", what, remedy)
        _finite("--periods", name, budget)
    return pd.DataFrame({"period": list(budgets), "budget": list(budgets.values())}) if budgets else None


def _finite(option: str, name: str, number: float) -> None:
    if not np.isfinite(number):
        raise BadProblem(option, None, name, f"is {number:g}", "give a finite number")


def refuse_unknown_segments(rows: pd.DataFrame, segments: pd.DataFrame) -> None:
    """Of a channel that contacts people: nobody knows who of such a segment consents."""
    known = segments["segment"].astype(str).tolist()
    for at, name in rows["segment"].items():
        if name != ALL and name not in known:
            what = f"the data know no segment '{name}', so nobody can say who of it may be contacted"
            raise BadProblem("channels", int(str(at)), "segment", what, f"choose among {', '.join(known) or ALL}")


def reach(part: pd.DataFrame, segments: pd.DataFrame) -> pd.DataFrame:
    """Who may be contacted by a channel: of each segment that it is bought for, or of all of them.

    Args:
        part: The channel's activities.
        segments: ``segment`` and ``reachable``: how many consent.
    """
    consenting = segments.set_index("segment")["reachable"].fillna(0).astype(float)
    names = part["segment"].astype(str).unique()
    most = {name: float(consenting.sum() if name == ALL else consenting.get(name, 0.0)) for name in names}
    return pd.DataFrame({"channel": part["channel"].iloc[0], "segment": list(most), "max_units": list(most.values())})


def once(reach: Sequence[pd.DataFrame], parts: Sequence[pd.DataFrame]) -> list[Rule]:
    """Reach holds in each period; where a channel is bought in several, its customers are still no more."""
    several = {part["channel"].iloc[0] for part in parts if part["period"].nunique() > 1}
    return [
        Rule(
            name=f"consent allows so many contacts in all periods: {row['channel']} · {row['segment']}",
            measure="units",
            where=_of(row["segment"], row["channel"]),
            at_most=row["max_units"],
        )
        for limit in reach
        for row in limit.to_dict("records")
        if row["channel"] in several
    ]


def contacts(reach: Sequence[pd.DataFrame], most: float) -> list[Rule]:
    """A customer is contacted so often at most within the plan, over all channels that contact people.

    Args:
        reach: Who may be contacted, by channel and segment; of segment ``all``: everyone, whom the contacts of
            channels bought by segment reach as well.
        most: Contacts of a customer, on average over a segment.
    """
    if not reach:
        return []
    told = pd.concat(reach, ignore_index=True)
    channels = told["channel"].unique().tolist()
    reachable = told.drop_duplicates("segment").set_index("segment")["max_units"]
    return [
        Rule(
            name=f"at most {most:g} contacts a customer: {'everyone' if segment == ALL else segment}",
            measure="units",
            where=_of(segment, *channels),
            at_most=most * customers,
        )
        for segment, customers in reachable.items()
    ]


def _of(segment: object, *channels: object) -> Where:
    return Where(channels=tuple(map(str, channels)), segments=() if segment == ALL else (str(segment),))
