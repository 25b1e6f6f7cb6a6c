"""The table of channels that people write: what it may hold, and the words it is explained with.

A row is a channel, or a channel in one segment, with one offer, or in one period. Five columns are required.
"""

from math import inf

import pandas as pd

from models.bounds import Number
from models.budget.checks import complete
from models.budget.tables import ANY, COUNT, MONEY, Column, Table
from models.errors import BadProblem

REQUIRED = ("channel", "unit_cost", "unit_return", "max_units", "min_units")
NAMES = ("segment", "offer", "period")
SHARE = Number(0, 1)
UNKNOWN = float("nan")


def _optional(name: str, range_: Number, default: float = UNKNOWN) -> Column:
    return Column(name=name, range=range_, default=default, may_be_empty=True)


TABLE = Table(
    name="channels",
    keys=("channel", *NAMES),
    numbers=(
        Column(name="unit_cost", range=Number(0, inf, without_low=True, without_high=True)),
        _optional("unit_return", ANY),
        Column(name="max_units", range=COUNT),
        Column(name="min_units", range=MONEY),
        _optional("unit_return_low", ANY),
        _optional("unit_return_high", ANY),
        _optional("response_value", MONEY),
        _optional("current_units", COUNT),
        _optional("fixed_units", MONEY),
        _optional("batch_units", MONEY, 0),
        _optional("min_return", ANY),
        _optional("min_share", SHARE),
        _optional("max_share", SHARE),
    ),
)
COLUMNS = {
    "channel": "what can be bought",
    "unit_cost": "what one unit costs, above 0",
    "unit_return": "what one unit returns; empty: as the data say",
    "max_units": "at most so many units",
    "min_units": "at least so many units",
    "segment, offer, period": "several rows a channel: its units for one of these",
    "unit_return_low, unit_return_high": "how sure unit_return is: a 95 % interval",
    "response_value": "money that a response brings, where unit_return is empty; empty: an average order",
    "current_units": "what is bought today: the plan is never worse",
    "fixed_units": "frozen: exactly so many",
    "batch_units": "sold in batches of so many units",
    "min_return": "the channel must return at least this",
    "min_share, max_share": "share of all money spent, 0 to 1",
    "currency": "of the money; all rows alike",
}


def checked_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with every column, numbers as numbers; ``all`` where it tells no segments, offers or periods apart.

    Raises:
        BadProblem: the row (from 0) and column that do not fit, and what to do.
    """
    known = {"currency", "is_assumed", *TABLE.keys, *(column.name for column in TABLE.numbers)}
    for name in REQUIRED:
        if name not in frame:
            raise BadProblem("channels", None, name, "is missing", f"it needs {', '.join(REQUIRED)}")
    for name in map(str, frame.columns):
        if name not in known:
            raise BadProblem("channels", None, name, "is not known", f"a table may have {', '.join(COLUMNS)}")
    if frame.empty:
        raise BadProblem("channels", None, "channel", "there is no channel", "write a line for each")
    completed = complete(frame, TABLE)
    for name in TABLE.keys:
        completed[name] = completed[name].astype(str)
    _one_currency(frame)
    _whole(completed)
    for name in ("currency", "is_assumed"):
        if name in frame:
            completed[name] = frame[name].to_numpy()
    return completed


def _one_currency(frame: pd.DataFrame) -> None:
    if "currency" in frame:
        currencies = frame["currency"].astype("string")
        first = currencies.dropna().iloc[0] if currencies.notna().any() else ""
        other = (currencies != first).fillna(value=True).to_numpy(bool)
        if other.any():
            row = int(other.argmax())
            found = currencies.iloc[row]
            what = f"is {'empty' if pd.isna(found) else found}, elsewhere {first}"
            raise BadProblem("channels", row, "currency", what, "convert all money to one currency first")


def _whole(table: pd.DataFrame) -> None:
    """What holds for a channel as a whole is said in one of its rows, or the same in all."""
    for name in ("fixed_units", "batch_units", "min_return", "min_share", "max_share"):
        for channel, values in table.groupby("channel", sort=False)[name]:
            if values.dropna().nunique() > 1 and name != "batch_units":
                row = int(values.dropna().index[-1])
                what = f"differs between the rows of '{channel}'"
                raise BadProblem("channels", row, name, what, "it holds for the whole channel: say it once")
    low, high = table["unit_return_low"], table["unit_return_high"]
    alone = (low.isna() != high.isna()).to_numpy()
    if alone.any():
        raise BadProblem(
            "channels", int(alone.argmax()), "unit_return_low", "has one end alone", "give both or neither"
        )
    crossed = (table["min_share"] > table["max_share"]).to_numpy()
    if crossed.any():
        raise BadProblem("channels", int(crossed.argmax()), "min_share", "is above max_share", "swap them")
