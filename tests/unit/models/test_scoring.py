import struct

import numpy as np
import pytest

from infra.contracts import ChurnPrediction
from models.row_encoding import number_encoder
from models.scoring import Scored, compiled, fingerprints


def says(matrix):
    """A judgement that repeats the two numbers of a row."""
    return {
        "risk_band": np.array(["low"] * len(matrix)),
        "churn_probability": matrix[:, 0],
        "contact_day": matrix[:, 1],
    }


SCORE = compiled(number_encoder(("p", "day"), ("p", "day")), says, ChurnPrediction)


def test_what_is_said_comes_as_python_values_of_the_contracts_types():
    scored = SCORE([(0.5, 3.0), (None, None)])
    assert scored.values == {
        "risk_band": ["low", "low"],
        "churn_probability": [0.5, None],
        "contact_day": [3, None],
    }
    assert [type(values[0]) for values in scored.values.values()] == [str, float, int]


def test_nothing_is_said_of_no_rows():
    assert SCORE([]) == Scored({"risk_band": [], "churn_probability": [], "contact_day": []}, [])


def test_a_fingerprint_is_of_a_row_and_its_numbers_alone():
    one, other, again = fingerprints(np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]]))
    assert one == again != other
    assert int(one, 16) >= 0
    assert len(one) == 16


def test_a_fingerprint_stays_what_it_was():
    """Logs keep them: another hash would say that all features have changed."""
    assert fingerprints(np.array([[1.0, np.nan]])) == ["d4d4b1cb68287e98"]


@pytest.mark.parametrize(
    ("value", "same"),
    [(-0.0, 0.0), (-np.nan, np.nan), (struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000123))[0], np.nan)],
)
def test_zeros_and_nans_are_one_each(value, same):
    assert fingerprints(np.array([[value, 1.0]])) == fingerprints(np.array([[same, 1.0]]))


def test_the_fingerprints_leave_the_matrix_as_it_was():
    matrix = np.array([[-0.0, 1.0]])
    fingerprints(matrix)
    assert np.signbit(matrix[0, 0])
