"""The table of channels that people write: what it refuses, and by which row and column."""

import pandas as pd
import pytest

from models.budget.channel_table import checked_table
from models.errors import BadProblem

HEAD = ["channel", "unit_cost", "unit_return", "max_units", "min_units"]
FEED, SEARCH = ("feed", 50, 3.2, 10_000, 2_000), ("search", 80, 4.5, 6_000, 1_500)


def table(*rows: tuple, **columns: list) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=HEAD).assign(**columns)


def test_what_is_left_out_stands_for_no_limit() -> None:
    found = checked_table(table(FEED))
    (row,) = found.to_dict("records")
    assert (row["segment"], row["offer"], row["period"]) == ("all", "all", "all")
    assert (row["batch_units"], row["max_units"]) == (0, 10_000)
    assert pd.isna([row["fixed_units"], row["min_share"], row["current_units"], row["response_value"]]).all()


@pytest.mark.parametrize(
    ("frame", "row", "column", "what"),
    [
        (table(FEED).drop(columns="min_units"), None, "min_units", "is missing"),
        (table(FEED, units=[3]), None, "units", "is not known"),
        (table(), None, "channel", "there is no channel"),
        (table(FEED, ("search", -80, 4.5, 6_000, 0)), 1, "unit_cost", "is -80"),
        (table(("feed", 0, 3.2, 1, 0)), 0, "unit_cost", "is 0"),
        (table(("feed", None, 3.2, 1, 0)), 0, "unit_cost", "is missing (NaN)"),
        (table(FEED, ("search", "80 €", 4.5, 6_000, 0)), 1, "unit_cost", "is not a number"),
        (table(FEED, SEARCH, FEED), 2, "channel", "'feed' is there already"),
        (table(FEED, SEARCH, max_share=[0.4, 40]), 1, "max_share", "is 40"),
        (table(FEED, SEARCH, min_share=[0.5, 0], max_share=[0.4, 1]), 0, "min_share", "is above max_share"),
        (table(FEED, SEARCH, currency=["EUR", "USD"]), 1, "currency", "is USD, elsewhere EUR"),
        (table(FEED, SEARCH, currency=["EUR", None]), 1, "currency", "is empty, elsewhere EUR"),
        (table(FEED, unit_return_low=[3]), 0, "unit_return_low", "has one end alone"),
        (table(FEED, FEED, segment=["a", "b"], fixed_units=[1, 2]), 1, "fixed_units", "is 2, and 1 in another row"),
        (table(FEED, FEED, segment=["a", "b"], response_value=[3, 2]), 1, "response_value", "is 2, and 3 in another"),
        (table(FEED, FEED, segment=["a", "b"], batch_units=[30, 20]), 1, "batch_units", "is 20, and 30 in another"),
        (table(FEED, FEED, segment=["all", "b"]), 0, "segment", "is 'all', and other rows of 'feed'"),
        (table(FEED, ("feed ", 1, 1, 1, 0)), 1, "channel", "'feed' is there already"),
        (table(FEED, ("fe\x1b[31med", 1, 1, 1, 0)), 1, "channel", "holds a control character"),
        (table(FEED, ("  ", 1, 1, 1, 0)), 1, "channel", "is empty"),
        (table(("feed", True, 3.2, 1, 0)), 0, "unit_cost", "'True' is not a number"),
        (table(("feed", 1, 3.2, float("inf"), 0)), 0, "max_units", "is inf"),
        (table(("feed", 1e-300, 3.2, 1, 0)), 0, "unit_cost", "is nearer to 0 than 1e-09"),
        (table(("feed", 1, 1e308, 1, 0)), 0, "unit_return", "is 1e+308"),
        (table(FEED, unit_return_low=[4], unit_return_high=[5]), 0, "unit_return_low", "does not hold unit_return"),
        (
            table(("feed", 1, None, 1, 0), unit_return_low=[4], unit_return_high=[5]),
            0,
            "unit_return_low",
            "is given without unit_return",
        ),
        (table(FEED, SEARCH, fixed_units=[None, 7_000]), 1, "fixed_units", "is above max_units"),
        (table(FEED, is_assumed=["perhaps"]), 0, "is_assumed", "is neither true nor false"),
    ],
)
def test_what_does_not_fit_is_named_by_row_and_column(
    frame: pd.DataFrame, row: int | None, column: str, what: str
) -> None:
    with pytest.raises(BadProblem) as refused:
        checked_table(frame)
    assert (refused.value.table, refused.value.row, refused.value.column) == ("channels", row, column)
    assert what in refused.value.what
    assert refused.value.remedy


def test_what_is_said_once_for_a_channel_holds_for_it() -> None:
    found = checked_table(table(FEED, FEED, segment=["a", "b"], batch_units=[30, 0], response_value=[None, 2]))
    assert found["batch_units"].max() == 30


def test_the_words_of_people_for_true_and_false() -> None:
    rows = [(str(n), 1, 1, 1, 0) for n in range(8)]
    words = ["no", "False", 0, None, "yes", "TRUE", 1, True]
    assert checked_table(table(*rows, is_assumed=words))["is_assumed"].tolist() == [False] * 4 + [True] * 4
