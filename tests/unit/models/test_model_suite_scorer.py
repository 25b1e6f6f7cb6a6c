"""What every model of the catalogue promises of its scorer: it says of rows what ``predict`` says of a frame."""

import math

import joblib
import numpy as np
import pandas as pd
import pytest

from infra.saved_classes import classes_of
from models.errors import MissingColumns

HUGE_AND_TINY = (np.inf, -np.inf, 1e300, -1e15, 1e15, 5e-324)
STRANGE_NUMBERS = (None, np.nan, *HUGE_AND_TINY, -0.0, -7.5, 2.5, 400.0, "12.5", "1_0", "much", "")
STRANGE_LEVELS = (None, np.nan, "never seen", "", "\0", "x" * 500, "nan", "0", 7.0)


def _rows(frame: pd.DataFrame) -> list[tuple]:
    """As a profile store has them: what is missing is None."""
    return [tuple(None if pd.isna(v) else v for v in row) for row in frame.itertuples(index=False, name=None)]


def _strange_rows(sample, features: tuple[str, ...]) -> list[tuple]:
    """From rows as they are to rows of nothing but missing, infinite, huge, tiny, unseen and mistaken values."""
    rng, columns = np.random.default_rng(15), list(sample.frame.columns)
    rows = [list(row) for row in _rows(sample.frame.head(400))]
    for feature in features:
        strange = STRANGE_NUMBERS if pd.api.types.is_numeric_dtype(sample.frame[feature]) else STRANGE_LEVELS
        for position, row in enumerate(rows):
            if rng.random() < position / len(rows):
                row[columns.index(feature)] = strange[rng.integers(len(strange))]
    return [tuple(row) for row in rows]


def _alike(one: object, other: object) -> bool:
    floats = isinstance(one, float) and isinstance(other, float)
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9) if floats else (one, type(one)) == (other, type(other))


def _assert_scored_as_predicted(sample, fitted, rows: list[tuple], columns: list[str]) -> None:
    predicted = sample.predict(fitted, pd.DataFrame(rows, columns=columns))
    scored = sample.model.scorer(fitted, columns)(rows)
    assert tuple(scored.values) == sample.predicted
    assert len(scored.fingerprints) == len(rows)
    for name in sample.predicted:
        expected = [None if pd.isna(value) else value for value in predicted[name].tolist()]
        assert all(_alike(*values) for values in zip(scored.values[name], expected, strict=True)), name


@pytest.mark.parametrize("count", [0, 1, 2, 2_000])
def test_the_scorer_says_of_rows_what_predicting_says(sample, fitted, count):
    frame = sample.frame.head(count)
    _assert_scored_as_predicted(sample, fitted, _rows(frame), list(frame.columns))


def test_the_scorer_says_of_strange_rows_what_predicting_says(sample, fitted):
    rows, columns = _strange_rows(sample, fitted.features), list(sample.frame.columns)
    _assert_scored_as_predicted(sample, fitted, rows, columns)
    score = sample.model.scorer(fitted, columns)
    together = score(rows)
    assert len(set(together.fingerprints)) > 300
    for row in (0, 1, 7, 399):
        alone = score([rows[row]])
        assert alone.fingerprints == [together.fingerprints[row]]
        assert all(_alike(alone.values[name][0], together.values[name][row]) for name in sample.predicted)


def test_a_saved_model_has_the_same_scorer_and_keeps_nothing_of_it(sample, fitted, tmp_path):
    columns, classes = list(sample.frame.columns), classes_of(fitted)
    score, rows = sample.model.scorer(fitted, columns), _rows(sample.frame.head(50))
    assert classes_of(fitted) == classes
    joblib.dump(fitted, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    assert sample.model.scorer(loaded, columns)(rows) == score(rows)


def test_the_scorer_needs_the_features_alone_in_any_order(sample, fitted):
    everything, features = list(sample.frame.columns), list(fitted.features)[::-1]
    rows = _rows(sample.frame.head(50)), _rows(sample.frame.head(50)[features])
    assert sample.model.scorer(fitted, everything)(rows[0]) == sample.model.scorer(fitted, features)(rows[1])


def test_the_scorer_names_the_column_that_is_missing(sample, fitted):
    for feature in fitted.features:
        with pytest.raises(MissingColumns, match=feature) as refusal:
            sample.model.scorer(fitted, [name for name in fitted.features if name != feature])
        assert refusal.value.missing == [feature]
