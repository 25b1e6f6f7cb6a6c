"""What every model of the catalogue promises, whatever it predicts."""

from dataclasses import FrozenInstanceError, fields, replace

import joblib
import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from models.backtest import backtest
from models.errors import MissingColumns, TooLittleHistory


def test_the_same_seed_gives_the_same_model(sample):
    past, later = sample.split(sample.windows[-1])
    np.random.seed(1)
    once = sample.model.train(past, sample.params)
    np.random.seed(2)
    again = sample.model.train(past, sample.params)
    assert_frame_equal(sample.predict(once, later), sample.predict(again, later))
    assert_frame_equal(once.reference, again.reference)
    assert once.notes == again.notes


def test_another_seed_draws_another_reference(sample, fitted):
    past, _ = sample.split(sample.windows[-1])
    other = sample.model.train(past, replace(sample.params, seed=sample.params.seed + 1))
    assert set(other.reference.index) != set(fitted.reference.index)


def test_a_saved_model_predicts_the_same(sample, fitted, tmp_path):
    joblib.dump(fitted, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    assert_frame_equal(sample.predict(loaded, sample.frame), sample.predict(fitted, sample.frame))
    assert_frame_equal(loaded.reference, fitted.reference)
    assert (loaded.features, loaded.notes) == (fitted.features, fitted.notes)


def test_predicting_names_the_column_that_is_missing(sample, fitted):
    for feature in fitted.features:
        with pytest.raises(MissingColumns, match=feature) as refusal:
            sample.predict(fitted, sample.frame.drop(columns=feature))
        assert refusal.value.missing == [feature]


def test_training_names_the_column_that_is_missing(sample, fitted):
    past, _ = sample.split(sample.windows[-1])
    for feature in set(fitted.features) & set(_contract_columns(sample)):
        with pytest.raises(MissingColumns, match=feature) as refusal:
            sample.model.train(past.drop(columns=feature), sample.params)
        assert refusal.value.missing == [feature]


def test_columns_it_was_not_trained_with_change_nothing(sample, fitted):
    wider = sample.frame.assign(zodiac="aries", lucky_number=range(len(sample.frame)))
    assert_frame_equal(sample.predict(fitted, wider), sample.predict(fitted, sample.frame))
    past, _ = sample.split(sample.windows[-1])
    assert sample.model.train(past.assign(zodiac="aries"), sample.params).features == fitted.features


def test_predicting_needs_the_features_alone(sample, fitted):
    narrow = sample.frame[list(fitted.features)]
    assert_frame_equal(sample.predict(fitted, narrow), sample.predict(fitted, sample.frame))


def test_features_are_columns_of_the_contract_or_attributes(sample, fitted):
    others = [name for name in fitted.features if name not in _contract_columns(sample)]
    assert all(name.startswith(("attr_", "customer_attr_")) for name in others)


def test_one_row_is_predicted_as_it_is_among_others(sample, fitted):
    everyone = sample.predict(fitted, sample.frame)
    assert_frame_equal(sample.predict(fitted, sample.frame.iloc[[5]]), everyone.iloc[[5]])


def test_no_rows_give_no_predictions_in_the_right_columns(sample, fitted):
    nobody = sample.predict(fitted, sample.frame.head(0))
    assert (list(nobody.columns), len(nobody)) == (list(sample.predicted), 0)


def test_predictions_keep_the_order_and_index_of_the_rows(sample, fitted):
    frame = sample.frame.head(200).set_axis([f"row {i}" for i in range(200)])
    shuffled = frame.sample(frac=1, random_state=3)
    predicted = sample.predict(fitted, shuffled)
    assert list(predicted.columns) == list(sample.predicted)
    assert list(predicted.index) == list(shuffled.index)
    assert_frame_equal(predicted, sample.predict(fitted, frame).loc[shuffled.index])


def test_unseen_categories_and_missing_values_are_predicted_all_the_same(sample, fitted):
    nullable = _contract_columns(sample)
    rows = sample.frame.head(20).copy()
    for feature in fitted.features:
        if pd.api.types.is_numeric_dtype(rows[feature]):
            if nullable.get(feature, True):
                rows[feature] = np.nan
        else:
            rows[feature] = ["never seen", None] * 10
    predicted = sample.predict(fitted, rows)
    assert len(predicted) == 20
    assert predicted.notna().all(axis=None)


def test_training_and_predicting_leave_the_frame_as_it_was(sample, fitted):
    past, _ = sample.split(sample.windows[-1])
    before = past.copy()
    sample.model.train(past, sample.params)
    sample.predict(fitted, past)
    assert_frame_equal(past, before)


def test_the_reference_is_a_bounded_sample_of_training_rows(sample, fitted):
    past, _ = sample.split(sample.windows[-1])
    assert len(past) > sample.params.reference_rows
    assert len(fitted.reference) == sample.params.reference_rows
    assert_frame_equal(fitted.reference, past.loc[fitted.reference.index, list(fitted.features)])


def test_the_reference_identifies_nobody(sample, fitted):
    assert tuple(fitted.reference.columns) == fitted.features
    assert not [name for name in fitted.features if name == "pseudonym" or name.endswith("_id")]
    identifiers = sample.frame.filter(regex="^pseudonym$|_id$")
    assert len(identifiers.columns) > 0
    for column in identifiers:
        assert not fitted.reference.isin(set(identifiers[column])).any(axis=None)


def test_unknown_parameters_are_refused(sample):
    with pytest.raises(TypeError, match="sed"):
        type(sample.params)(sed=1)


def test_parameters_cannot_be_changed(sample):
    for field in fields(sample.params):
        with pytest.raises(FrozenInstanceError):
            setattr(sample.params, field.name, 1)


@pytest.mark.parametrize("days", [0, 1, 5.5])
def test_windows_lie_in_order_before_as_of_the_reported_one_last(sample, days):
    windows = sample.model.windows(sample.as_of + pd.Timedelta(days=days), sample.params)
    *earlier, reported = windows
    assert len(earlier) == sample.params.earlier_windows
    assert [w.origin for w in windows] == sorted({w.origin for w in windows})
    assert all(w.origin < w.end for w in windows)
    assert max(w.end for w in windows) == reported.end <= sample.as_of + pd.Timedelta(days=days)
    assert all(w.end <= reported.origin for w in earlier)


def test_earlier_windows_are_as_they_would_have_been_before_the_reported_one_began(sample):
    *earlier, reported = sample.windows
    known_then = sample.frame[sample.frame[sample.known] <= reported.origin]
    for window in earlier:
        for now, then in zip(sample.split(window), sample.model.split(known_then, window, sample.params), strict=True):
            assert len(now) > 0
            assert_frame_equal(now, then)


def test_training_sees_nothing_that_was_not_known_at_the_origin(sample):
    for window in sample.windows:
        known_then = sample.frame[sample.frame[sample.known] <= window.origin]
        past, _ = sample.split(window)
        assert len(past) > 0
        assert past[sample.known].max() <= window.origin
        assert_frame_equal(past, sample.model.split(known_then, window, sample.params)[0])


def test_evaluation_happens_from_the_origin_to_the_end(sample):
    for window in sample.windows:
        _, later = sample.split(window)
        assert len(later) > 0
        assert later[sample.happened].between(window.origin, window.end).all()


def test_from_the_first_possible_day_there_is_something_to_learn_from_and_to_be_judged_on(sample):
    first_event = sample.frame[sample.happened].min() - pd.Timedelta(days=7)  # at most so long before a snapshot
    first_day = sample.model.first_possible(first_event, sample.params)
    *_, reported = sample.model.windows(first_day, sample.params)
    past, later = sample.split(reported)
    assert len(past) > 0
    assert len(later) > 0


def test_rehearsing_measures_what_training_and_evaluating_would(sample):
    past, later = sample.split(sample.windows[0])
    rehearsed = sample.model.rehearse(past, later, sample.params).metrics
    evaluated = sample.model.evaluate(sample.model.train(past, sample.params), later, sample.params)
    assert sample.entry.headline in rehearsed
    for name, metric in rehearsed.items():
        assert metric.value == pytest.approx(evaluated[name].value), name


def test_the_headline_is_measured_beside_its_baseline(sample):
    result = backtest(sample.model, sample.frame, sample.as_of, sample.params)
    assert {sample.entry.headline, sample.entry.baseline} <= set(result.metrics)
    assert list(result.earlier) == [f"{w.origin:%Y-%m-%d}" for w in sample.windows[:-1]]
    assert np.isfinite([metric.value for metric in result.metrics.values()]).all()


def test_a_signal_is_found(sample, fitted):
    _, later = sample.split(sample.windows[-1])
    metrics = sample.model.evaluate(fitted, later, sample.params)
    chance = 0.5 if sample.entry.headline == "auc" else 0.0
    assert metrics[sample.entry.headline].value > chance + 0.2


@pytest.mark.parametrize("rows", [0, 3])
def test_a_handful_of_examples_is_too_little_to_learn_from(sample, rows):
    with pytest.raises(TooLittleHistory):
        sample.model.train(sample.frame.head(rows), sample.params)


def test_without_rows_there_is_too_little_history(sample):
    with pytest.raises(TooLittleHistory):
        backtest(sample.model, sample.frame.head(0), sample.as_of, sample.params)


def test_an_empty_reported_window_is_too_little_history(sample):
    until_then = sample.frame[sample.frame[sample.happened] < sample.windows[-1].origin]
    with pytest.raises(TooLittleHistory):
        backtest(sample.model, until_then, sample.as_of, sample.params)


def test_an_empty_earlier_window_is_left_out(sample):
    window = sample.windows[0]
    in_window = (sample.frame[sample.happened] >= window.origin) & (sample.frame[sample.happened] <= window.end)
    result = backtest(sample.model, sample.frame[~in_window], sample.as_of, sample.params)
    assert f"{window.origin:%Y-%m-%d}" not in result.earlier


def _contract_columns(sample) -> dict[str, bool]:
    """The contract's columns, and whether each may be missing in a row."""
    return {name: column.nullable for name, column in sample.entry.contract.to_schema().columns.items()}
