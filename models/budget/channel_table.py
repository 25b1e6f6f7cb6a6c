"""The table of channels that people write: what it may hold, and the words it is explained with.

A row is a channel, or a channel in one segment, with one offer, or in one period. Five columns are required.
"""

import unicodedata

import numpy as np
import pandas as pd

from models.bounds import Number
from models.budget.checks import complete
from models.budget.tables import ALL, Column, Table
from models.errors import BadProblem

REQUIRED = ("channel", "unit_cost", "unit_return", "max_units", "min_units")
NAMES = ("segment", "offer", "period")
SHARE = Number(0, 1)
LEAST, MOST = 1e-9, 1e12  # but for 0 nothing that people plan is smaller or larger: solvers would lose digits
ANY, COUNT = Number(-MOST, MOST), Number(0, MOST)
TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}
JOINERS = "\u200c\u200d"  # are part of words and of emojis
UNKNOWN = float("nan")


def _optional(name: str, range_: Number, default: float = UNKNOWN) -> Column:
    return Column(name=name, range=range_, default=default, may_be_empty=True)


TABLE = Table(
    name="channels",
    keys=("channel", *NAMES),
    numbers=(
        Column(name="unit_cost", range=Number(0, MOST, without_low=True)),
        _optional("unit_return", ANY),
        Column(name="max_units", range=COUNT),
        Column(name="min_units", range=COUNT),
        _optional("unit_return_low", ANY),
        _optional("unit_return_high", ANY),
        _optional("response_value", COUNT),
        _optional("current_units", COUNT),
        _optional("fixed_units", COUNT),
        _optional("batch_units", COUNT, 0),
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
        if list(frame.columns).count(name) > 1:
            raise BadProblem("channels", None, name, "is there twice", "take one out, or name it anew")
    if frame.empty:
        raise BadProblem("channels", None, "channel", "there is no channel", "write a line for each")
    frame = frame.assign(**{name: _names(frame[name]) for name in TABLE.keys if name in frame})
    completed = complete(frame, TABLE)
    for name in TABLE.keys:
        completed[name] = completed[name].astype(str)
    for column in TABLE.numbers:
        tiny = (completed[column.name].abs().between(0, LEAST, inclusive="neither")).to_numpy()
        _refuse(tiny, column.name, f"is nearer to 0 than {LEAST:g}", "write 0, or count in larger units")
    _one_currency(frame)
    _apart(completed)
    _whole(completed)
    _rows(completed)
    if "currency" in frame:
        completed["currency"] = frame["currency"].to_numpy()
    if "is_assumed" in frame:
        completed["is_assumed"] = _truths(frame["is_assumed"])
    return completed


def _names(column: pd.Series) -> pd.Series:
    """Names as text without blanks around them; what nobody can see in a name is refused."""
    names = column.where(column.isna(), column.astype("string").str.strip())
    names = names.where(names != "")
    hidden = names.map(lambda name: not pd.isna(name) and any(map(_is_hidden, str(name)))).to_numpy(bool)
    _refuse(hidden, str(column.name), "holds a control character", "take it out")
    return names


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and character not in JOINERS


def _truths(column: pd.Series) -> list[bool]:
    words = column.astype("string").fillna("").str.strip().str.lower()
    _refuse(
        (~words.isin(list(TRUTHS))).to_numpy(bool), "is_assumed", "is neither true nor false", "write true or false"
    )
    return [TRUTHS[word] for word in words]


def _one_currency(frame: pd.DataFrame) -> None:
    if "currency" in frame:
        currencies = frame["currency"].astype("string").str.strip()
        first = currencies.dropna().iloc[0] if currencies.notna().any() else ""
        other = (currencies != first).fillna(value=True).to_numpy(bool)
        if other.any():
            row = int(other.argmax())
            found = currencies.iloc[row]
            what = f"is {'empty' if pd.isna(found) else found}, elsewhere {first}"
            raise BadProblem("channels", row, "currency", what, "convert all money to one currency first")


def _apart(table: pd.DataFrame) -> None:
    """A row for all segments beside one for some of them: nobody knows whether the first holds the others."""
    for key in NAMES:
        for channel, names in table.groupby("channel", sort=False)[key]:
            whole = names.index[names == ALL]
            if len(whole) and len(names) > len(whole):
                what = f"is '{ALL}', and other rows of '{channel}' tell its {key}s apart"
                beside = int(names.index[names != ALL][0])
                remedy = f"name one {key} in each row, or leave the column out"
                raise BadProblem("channels", int(whole[0]), key, what, remedy, beside=beside)


def _whole(table: pd.DataFrame) -> None:
    """What holds for a channel as a whole is said in one of its rows, or the same in all."""
    for name in ("fixed_units", "batch_units", "min_return", "min_share", "max_share", "response_value"):
        said = table[name].mask(table[name] == 0) if name == "batch_units" else table[name]
        for channel, values in said.groupby(table["channel"], sort=False):
            told = values.dropna()
            other = told.index[told != told.iloc[0]] if len(told) else told.index
            if len(other):
                what = f"is {told[other[0]]:g}, and {told.iloc[0]:g} in another row of '{channel}'"
                remedy = "it holds for the whole channel: say it once"
                raise BadProblem("channels", int(other[0]), name, what, remedy, beside=int(told.index[0]))


def _rows(table: pd.DataFrame) -> None:
    """What must fit within a row, or a channel."""
    low, high, middle = table["unit_return_low"], table["unit_return_high"], table["unit_return"]
    _refuse((low.isna() != high.isna()).to_numpy(), "unit_return_low", "has one end alone", "give both or neither")
    _refuse(
        (low.notna() & middle.isna()).to_numpy(),
        "unit_return_low",
        "is given without unit_return",
        "leave the interval out: that of the results is taken",
    )
    outside = ((low > middle) | (high < middle)).to_numpy()
    _refuse(outside, "unit_return_low", "the interval does not hold unit_return", "is one of its ends wrong?")
    _refuse((table["min_share"] > table["max_share"]).to_numpy(), "min_share", "is above max_share", "swap them")
    most = table.groupby("channel")["max_units"].transform("sum")
    _refuse(
        (table["fixed_units"] > most).to_numpy(),
        "fixed_units",
        "is above max_units",
        "raise the one, or lower the other",
    )


def _refuse(wrong: np.ndarray, column: str, what: str, remedy: str) -> None:
    if wrong.any():
        raise BadProblem("channels", int(wrong.argmax()), column, what, remedy)
