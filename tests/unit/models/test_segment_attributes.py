import numpy as np
import pandas as pd

from models.segment_attributes import describe


def test_segments_are_described_by_what_else_is_known_beside_all_customers():
    frame = pd.DataFrame(
        {
            "attr_club": ["gold"] * 6 + ["none"] * 12 + ["ada's own", None],
            "attr_age": [None, *map(str, range(31, 50))],
            "attr_none": None,
        }
    )
    segments = np.array(["value"] * 8 + ["win-back"] * 12)
    assert "value" not in describe(frame.tail(16), segments[4:])["attr_club"]  # four people
    described = describe(frame, segments)
    assert described["attr_club"] == {
        "all": {"gold": 0.3158, "none": 0.6316, "other": 0.0526},  # of 19 whose club is known
        "value": {"gold": 0.75, "none": 0.25},
        "win-back": {"none": 0.9091, "other": 0.0909},  # a club of one person is not named
    }
    assert described["attr_none"] == {}
    assert set(described["attr_age"]["all"]) == {"other"}  # 19 ages: so few may be codes, each of one person


def test_of_a_number_the_median_is_told():
    frame = pd.DataFrame({"attr_income": [str(1_000 * i) for i in range(1, 42)]})
    segments = np.array(["rich" if i > 30 else "others" for i in range(1, 42)])
    assert describe(frame, segments) == {
        "attr_income": {"all": {"median": 21_000.0}, "others": {"median": 15_500.0}, "rich": {"median": 36_000.0}}
    }
