"""The arrays say what the regression says, which is scikit-learn's."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.encoding import Encoder
from models.folded_linear import FoldedLinear, folded
from models.linear import Linear, fit_linear

NAN = np.nan


def fitted(numbers: int, levels: tuple[int, ...], imputation: str = "mean") -> tuple[Linear, np.ndarray]:
    """On 300 rows: every other number has gaps, the last one is empty; the last level of each category is unseen."""
    rng = np.random.default_rng(3)
    columns = [rng.normal(0, 50, 300) for _ in range(numbers)]
    columns = [np.where(rng.random(300) < 0.2 * (i % 2), NAN, column) for i, column in enumerate(columns)]
    if numbers > 2:
        columns[-1][:] = NAN
    codes = [rng.choice([NAN, *range(count - 1)], 300) for count in levels]
    matrix = np.column_stack([*columns, *codes])
    known = {f"c{i}": tuple(f"{code:03d}" for code in range(count)) for i, count in enumerate(levels)}
    encoder = Encoder(tuple(f"n{i}" for i in range(numbers)), known)
    label = np.nan_to_num(matrix[:, 0]) + rng.normal(0, 1, 300) > 0
    return fit_linear(encoder, matrix, label, (1.0,), imputation)[1.0], matrix


def strange(matrix: np.ndarray, numbers: int) -> np.ndarray:
    """Also gaps and levels where training had none, the crowd's code beyond them, and the greatest numbers."""
    codes = matrix.shape[1] - numbers
    rows = [[value] * numbers + [code] * codes for value in (NAN, 0.0, -0.0, 1e15, -1e15) for code in (NAN, 0, 2, 3, 4)]
    return np.vstack([matrix, rows])


@pytest.mark.parametrize(("numbers", "levels"), [(5, (3, 4)), (1, (3,)), (4, ()), (0, (3, 4)), (2, (4, 3, 4))])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_arrays_say_what_the_regression_says(numbers, levels):
    linear, matrix = fitted(numbers, levels)
    fast, asked = folded(linear), strange(matrix, numbers)
    assert isinstance(fast, FoldedLinear)
    assert_allclose(fast.log_odds(asked), linear.log_odds(asked), rtol=1e-12, atol=1e-12)
    assert_allclose(fast.log_odds(asked[:1]), linear.log_odds(asked[:1]), rtol=1e-12, atol=1e-12)
    assert np.ptp(fast.log_odds(asked)) > 0.5


def test_no_rows_have_no_log_odds():
    linear, matrix = fitted(3, (3,))
    assert folded(linear).log_odds(matrix[:0]).shape == (0,)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_neighbours_fill_has_no_arrays():
    linear, _ = fitted(3, (3,), "knn")
    assert folded(linear) is linear


def test_contributions_stay_as_they_are():
    linear, matrix = fitted(3, (3,))
    assert_allclose(folded(linear).contributions(matrix), linear.contributions(matrix))
