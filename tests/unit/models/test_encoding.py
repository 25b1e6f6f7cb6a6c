import numpy as np
import pandas as pd
import pytest

from models.encoding import Encoder, logistic_baseline, require_columns
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


@pytest.fixture(scope="module")
def baseline():
    """Who buys in the north, in large amounts; ``returns`` is empty."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {"amount": rng.exponential(100, 400), "returns": np.nan, "region": rng.choice(["north", "south"], 400)}
    )
    encoder = Encoder.fit(frame, ("amount", "returns"), ("region",))
    bought = (frame["amount"] > 70) & (frame["region"] == "north") | (rng.random(400) < 0.05)
    return encoder, logistic_baseline(encoder, inverse_penalty=1.0).fit(encoder.transform(frame), bought)


def test_the_baseline_learns_from_amounts_and_categories(baseline):
    encoder, pipeline = baseline
    rows = pd.DataFrame({"amount": [500.0, 1.0, 500.0], "returns": np.nan, "region": ["north", "north", "south"]})
    much_north, little_north, much_south = pipeline.predict_proba(encoder.transform(rows))[:, 1]
    assert much_north > 0.7
    assert little_north < 0.3
    assert much_south < much_north - 0.3


def test_the_baseline_takes_what_it_has_not_seen_for_neither(baseline):
    encoder, pipeline = baseline
    rows = pd.DataFrame({"amount": [90.0] * 4, "returns": np.nan, "region": ["north", "west", None, "south"]})
    north, west, unknown, south = pipeline.predict_proba(encoder.transform(rows))[:, 1]
    assert south < west == unknown < north


def test_the_baseline_sees_the_logarithm_of_amounts_either_side_of_zero(baseline):
    _, pipeline = baseline
    logarithm = pipeline[0].named_transformers_["numeric"][0]
    moved = logarithm.transform(np.array([[-(np.e - 1), 0.0], [np.e - 1, np.e**3 - 1]]))
    np.testing.assert_allclose(moved, [[-1, 0], [1, 3]])


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


def test_an_attribute_that_names_everybody_differently_does_not_swell_the_baseline():
    frame = pd.DataFrame({"amount": 1.0, "attr_x": [f"card {i}" for i in range(3_000)]})
    encoder = Encoder.fit(frame, ("amount",), (), ("attr_x",))
    fitted = logistic_baseline(encoder, 1.0).fit(encoder.transform(frame), np.arange(3_000) % 2)
    assert fitted[-1].coef_.shape == (1, 1 + 20 + 1)
