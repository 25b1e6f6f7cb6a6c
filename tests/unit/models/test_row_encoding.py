"""Rows become the matrix that the same values in a frame become."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from models.encoding import LARGEST, Encoder
from models.errors import MissingColumns
from models.row_encoding import number_encoder, row_encoder

ENCODER = Encoder(("age", "spent"), {"club": ("gold", "none"), "town": ("a", "b")}, frozenset({"town"}))
COLUMNS = ("pseudonym", "town", "age", "club", "spent")


def encoded(*rows: tuple) -> list[list[float]]:
    return row_encoder(ENCODER, COLUMNS)(rows).tolist()


def test_numbers_stay_and_levels_become_codes_in_the_order_of_the_features():
    assert encoded(("p1", "b", 40.0, "gold", 9), ("p2", "a", 0.5, "none", True)) == [[40, 9, 0, 1], [0.5, 1, 1, 0]]


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA])
def test_what_is_missing_is_nan_and_never_one_of_the_crowd(missing):
    assert_array_equal(encoded(("p1", missing, missing, missing, missing)), [[np.nan] * 4])


def test_a_level_not_seen_is_one_of_the_crowd_where_there_is_one():
    assert_array_equal(encoded(("p1", "z", 1.0, "z", 1.0)), [[1.0, 1.0, np.nan, 2.0]])


@pytest.mark.parametrize(
    "value",
    [
        *(np.inf, -np.inf, LARGEST, -1.01 * LARGEST, -0.0, 10**17),
        *("12.5", " 7 ", "123456789.123456789", "1e5", "+5", "12.", "1_000", "1,000", "0x1F", "١٢"),
        *("inf", "nan", "", "None", "\0", "gold"),
        *(np.float64(3.5), np.int64(3), True),
    ],
)
def test_strange_numbers_are_read_as_from_a_frame(value):
    row = ("p1", "a", value, "gold", 2.0)
    assert_array_equal(encoded(row), ENCODER.transform(pd.DataFrame([row], columns=list(COLUMNS))))


@pytest.mark.parametrize(
    "value", ["gold", "Gold", "gold ", "", "nan", "None", "0", 0, 1.0, True, "𝕘old", "\0", "x" * 999]
)
def test_strange_levels_are_read_as_from_a_frame(value):
    row = ("p1", value, 1.0, value, 2.0)
    assert_array_equal(encoded(row), ENCODER.transform(pd.DataFrame([row], columns=list(COLUMNS))))


def test_levels_that_are_numbers_are_found_as_in_a_frame():
    encoder = Encoder((), {"size": (1, 2, 5)}, frozenset({"size"}))
    rows = [(1,), (2.0,), (5,), (7,), (None,)]
    found = row_encoder(encoder, ("size",))(rows)
    assert_array_equal(found, encoder.transform(pd.DataFrame(rows, columns=["size"])))


def test_many_rows_are_each_read_by_themselves():
    rows = [("p1", "a", 1.0, "gold", "x"), ("p2", None, "2", None, None), ("p3", "z", None, "none", 4.0)]
    assert_array_equal(encoded(*rows), [encoded(row)[0] for row in rows])


@pytest.mark.parametrize("encoder", [ENCODER, Encoder(("age",), {}), Encoder((), {"club": ("gold",)}), Encoder((), {})])
def test_no_rows_and_few_features_keep_the_shape(encoder):
    encode = row_encoder(encoder, COLUMNS)
    for rows in ([], [("p1", "a", 1.0, "gold", 2.0)] * 3):
        assert_array_equal(encode(rows), encoder.transform(pd.DataFrame(rows, columns=list(COLUMNS))))


def test_of_a_column_that_is_there_twice_the_first_counts():
    assert number_encoder(("age",), ("age", "town", "age"))([(1.0, "a", 2.0)]).tolist() == [[1.0]]


def test_the_columns_that_are_missing_are_named():
    with pytest.raises(MissingColumns) as refusal:
        row_encoder(ENCODER, ("pseudonym", "town", "spent"))
    assert refusal.value.missing == ["age", "club"]


def test_the_matrix_lies_in_memory_as_lightgbm_reads_it():
    matrix = row_encoder(ENCODER, COLUMNS)([("p1", "a", 1.0, "gold", 2.0)] * 2)
    assert (matrix.dtype, matrix.flags.c_contiguous) == (np.float64, True)
