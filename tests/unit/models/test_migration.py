"""Who moved between segments: every customer counts once."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from models.migration import NOWHERE, migration, stayed, told


def test_streams_are_counted_and_shares_are_of_where_they_came_from():
    before = pd.Series({"ada": "gold", "bob": "gold", "cyd": "gold", "dan": "iron"})
    after = pd.Series({"ada": "gold", "bob": "gold", "cyd": "iron", "dan": "iron"})
    streams = migration(before, after)
    assert streams.to_dict("records") == [
        {"before": "gold", "after": "gold", "customers": 2, "share": 2 / 3},
        {"before": "gold", "after": "iron", "customers": 1, "share": 1 / 3},
        {"before": "iron", "after": "iron", "customers": 1, "share": 1.0},
    ]
    assert stayed(streams) == 3 / 4


def test_newcomers_and_leavers_are_told_and_did_not_move():
    streams = migration(pd.Series({"ada": "gold", "bob": "gold"}), pd.Series({"bob": "gold", "cyd": "iron"}))
    assert {(row.before, row.after) for row in streams.itertuples()} == {
        ("gold", "gold"),
        ("gold", NOWHERE),
        (NOWHERE, "iron"),
    }
    assert stayed(streams) == 1.0


def test_streams_of_five_are_told_and_smaller_ones_as_one():
    before = pd.Series(["gold"] * 5 + ["iron"] * 4 + ["lead"])
    streams, others = told(migration(before, pd.Series(["gold"] * 10)))
    assert streams[["before", "after", "customers"]].to_dict("records") == [
        {"before": "gold", "after": "gold", "customers": 5}
    ]
    assert others == 5


people = st.dictionaries(st.integers(0, 12), st.sampled_from(["a", "b", "c"]))


@given(people, people)
def test_every_customer_counts_once(before, after):
    streams = migration(pd.Series(before, dtype=object), pd.Series(after, dtype=object))
    assert streams["customers"].sum() == len({*before, *after})
    assert ((streams["share"] > 0) & (streams["share"] <= 1)).all()
