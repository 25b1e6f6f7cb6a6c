import numpy as np
import pandas as pd
import pytest

from models.encoding import Encoder, require_columns, signed_log, to_numbers
from models.errors import MissingColumns

SEEN = pd.DataFrame(
    {
        "channel": ["mailer", "display", None, "mailer"],
        "amount": [1.5, 2.0, np.nan, 4.0],
        "pseudonym": ["a", "b", "c", "d"],
        "orders": pd.array([3, None, 1, 2], dtype="Int64"),
        "region": ["south", "north", "north", "south"],
    }
)
ENCODER = Encoder.fit(SEEN, ("orders", "amount"), ("region", "channel"))


def test_features_come_in_the_order_asked_for_numbers_first():
    assert ENCODER.features == ("orders", "amount", "region", "channel")
    assert ENCODER.categorical_positions == [2, 3]


def test_categories_are_numbered_in_alphabetical_order():
    assert ENCODER.categories == {"region": ("north", "south"), "channel": ("display", "mailer")}


def test_numbers_stay_and_categories_become_codes():
    nan = np.nan
    expected = [[3, 1.5, 1, 1], [nan, 2.0, 0, 0], [1, nan, 0, nan], [2, 4.0, 1, 1]]
    np.testing.assert_array_equal(ENCODER.transform(SEEN), expected)


def test_categories_are_learned_once_and_one_not_seen_then_is_missing():
    later = SEEN.assign(region=["west", "south", "east", None], channel="mailer")
    np.testing.assert_array_equal(ENCODER.transform(later)[:, 2:], [[np.nan, 1], [1, 1], [np.nan, 1], [np.nan, 1]])


def test_the_order_of_the_frames_columns_does_not_matter():
    np.testing.assert_array_equal(ENCODER.transform(SEEN[sorted(SEEN)]), ENCODER.transform(SEEN))


def test_a_column_that_was_empty_in_training_stays_missing():
    encoder = Encoder.fit(SEEN.assign(region=None), (), ("region",))
    assert encoder.categories == {"region": ()}
    assert np.isnan(encoder.transform(SEEN)).all()


def test_no_rows_make_an_empty_matrix_of_the_same_width():
    assert ENCODER.transform(SEEN.head(0)).shape == (0, 4)


def test_missing_columns_are_named_all_at_once():
    with pytest.raises(MissingColumns, match="the frame lacks the columns amount, region") as refusal:
        ENCODER.transform(SEEN.drop(columns=["region", "amount"]))
    assert refusal.value.missing == ["amount", "region"]


def test_fitting_names_missing_columns_too():
    with pytest.raises(MissingColumns, match="store"):
        Encoder.fit(SEEN, ("amount",), ("store",))


def test_required_columns_that_are_there_are_not_complained_about():
    require_columns(SEEN, ("orders", "region"))


@pytest.mark.parametrize("kind", [float, object, str])
def test_what_is_no_finite_number_is_missing(kind):
    values = pd.Series([1.5, np.inf, -np.inf, np.nan]).astype(kind)
    np.testing.assert_array_equal(to_numbers(values), [1.5, np.nan, np.nan, np.nan])


def test_the_signed_logarithm_works_either_side_of_zero():
    np.testing.assert_allclose(signed_log(np.array([-(np.e - 1), 0.0, np.e - 1, np.e**3 - 1])), [-1, 0, 1, 3])


# ── what else the company knows ───────────────────────────────────────────────────────────────


def one_attribute(values) -> tuple[Encoder, pd.DataFrame]:
    frame = pd.DataFrame({"amount": 1.0, "attr_x": pd.Series(values, dtype=object)})
    return Encoder.fit(frame, ("amount",), (), ("attr_x",)), frame


def test_attributes_that_are_all_numbers_are_numbers():
    encoder, frame = one_attribute([*(f"{i}.5" for i in range(30)), None])
    assert (encoder.numeric, encoder.categories) == (("amount", "attr_x"), {})
    assert encoder.transform(frame)[[0, 29], 1].tolist() == [0.5, 29.5]
    later = pd.DataFrame({"amount": 1.0, "attr_x": ["1e3", "inf", "1,5", "", None]})
    np.testing.assert_array_equal(encoder.transform(later)[:, 1], [1_000, *[np.nan] * 4])


@pytest.mark.parametrize(
    "values",
    [
        [str(i % 20) for i in range(60)],  # so few that they may be codes
        [*map(str, range(60)), "many"],
        [*map(str, range(60)), "inf"],
        [None] * 3,
    ],
)
def test_other_attributes_are_categories(values):
    encoder, _ = one_attribute(values)
    assert encoder.numeric == ("amount",)
    assert list(encoder.categories) == ["attr_x"]


def test_of_too_many_levels_the_most_frequent_are_kept_and_the_others_share_a_code():
    often = [f"city {i:02d}" for i in range(20) for _ in range(3)]
    encoder, frame = one_attribute([*often, *(f"hamlet {i}" for i in range(500)), *(["port"] * 4)])
    kept = encoder.categories["attr_x"]
    assert kept == (*(f"city {i:02d}" for i in range(19)), "port")  # of equally frequent ones the first
    codes = encoder.transform(frame)[:, 1]
    assert codes[:3].tolist() == [0, 0, 0]
    assert set(codes[57:560]) == {20.0}  # the twentieth city and all hamlets
    later = pd.DataFrame({"amount": 1.0, "attr_x": ["port", "founded later", None]})
    np.testing.assert_array_equal(encoder.transform(later)[:, 1], [19, 20, np.nan])


def test_columns_of_the_contract_keep_more_levels_and_stay_categories():
    frame = pd.DataFrame({"region": [str(i) for i in range(150)]})
    encoder = Encoder.fit(frame, (), ("region",))
    assert (len(encoder.categories["region"]), encoder.crowded) == (100, {"region"})


def test_the_sample_holds_numbers_as_numbers():
    encoder, frame = one_attribute([*map(str, range(30)), None])
    sample = encoder.sample(frame, rows=31, seed=1)
    assert sample["attr_x"].dtype == float
    assert sample["attr_x"].sum() == sum(range(30))
    assert len(encoder.sample(frame, rows=7, seed=1)) == 7
