"""Who moved from which segment to which, from one cycle to a later one."""

import pandas as pd

NOWHERE = "not there"
SMALLEST = 5  # customers in a stream that is told by itself, so that nobody is pointed at


def migration(before: pd.Series, after: pd.Series) -> pd.DataFrame:
    """Customers by the segment they were in and the one they are in now.

    Both are indexed by pseudonym; who is in one of them alone came from, or went, ``NOWHERE``. Columns: before,
    after, customers, share (of those who were in ``before``). Every customer counts once; the largest streams first.
    """
    moved = pd.DataFrame({"before": before, "after": after}).fillna(NOWHERE)
    streams = moved.groupby(["before", "after"]).size().rename("customers").reset_index()
    streams["share"] = streams["customers"] / streams.groupby("before")["customers"].transform("sum")
    order = ["customers", "before", "after"]
    return streams.sort_values(order, ascending=[False, True, True], ignore_index=True)


def told(streams: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The streams that are told one by one, and how many customers are in all the others together."""
    is_small = streams["customers"] < SMALLEST
    return streams[~is_small], int(streams.loc[is_small, "customers"].sum())


def stayed(streams: pd.DataFrame) -> float:
    """The share of customers in both cycles who kept their segment; 1 where nobody was in both."""
    both = streams[(streams["before"] != NOWHERE) & (streams["after"] != NOWHERE)]
    same = both.loc[both["before"] == both["after"], "customers"].sum()
    return float(same / both["customers"].sum()) if len(both) else 1.0
