"""What every model of the catalogue promises when the rows are not as one would wish, and what it tells of itself."""

import re

import numpy as np
import pandas as pd
import pytest

from models.backtest import backtest

COUNTS = {"rows", "clusters"}  # with p-values (…_p) the only figures without an interval


def _finite(predicted: pd.DataFrame) -> bool:
    numbers = predicted.select_dtypes("number")
    return bool(np.isfinite(numbers.to_numpy(dtype=float)).all()) and bool(predicted.notna().all(axis=None))


def _trained_and_predicted(sample, spoil) -> None:
    """Both on rows that ``spoil`` has changed; and what was learned from them also predicts rows as they were."""
    past, later = sample.split(sample.windows[-1])
    fitted = sample.model.train(spoil(past), sample.params)
    assert _finite(sample.predict(fitted, spoil(later)))
    assert _finite(sample.predict(fitted, later))


@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
def test_infinite_values_are_trained_and_predicted_with_like_missing_ones(sample, fitted, infinite):
    def spoil(frame: pd.DataFrame) -> pd.DataFrame:
        floats = [name for name in fitted.features if frame[name].dtype == float]
        assert floats
        return frame.assign(**{name: frame[name].where(np.arange(len(frame)) % 7 != 3, infinite) for name in floats})

    _trained_and_predicted(sample, spoil)
    assert _finite(sample.predict(fitted, spoil(sample.frame)))


@pytest.mark.parametrize("first", [0, 1])
def test_features_that_do_not_vary_are_trained_and_predicted_with(sample, fitted, first):
    """Every other feature has the same value everywhere."""

    def spoil(frame: pd.DataFrame) -> pd.DataFrame:
        some = sample.frame.iloc[0]
        return frame.assign(**{name: some[name] for name in fitted.features[first::2]})

    _trained_and_predicted(sample, spoil)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_features_that_are_missing_everywhere_are_trained_and_predicted_with(sample, fitted):
    """As many as the contract lets be missing."""
    columns = sample.entry.contract.to_schema().columns
    optional = [name for name in fitted.features if name not in columns or columns[name].nullable]

    def spoil(frame: pd.DataFrame) -> pd.DataFrame:
        empty = {name: np.nan if pd.api.types.is_numeric_dtype(frame[name]) else None for name in optional}
        return frame.assign(**empty)

    _trained_and_predicted(sample, spoil)


def test_customers_who_are_there_twice_are_counted_twice_and_told_the_same(sample):
    """Marts have one row per key; should one ever come twice, it weighs double and nothing breaks."""
    past, later = sample.split(sample.windows[-1])
    fitted = sample.model.train(pd.concat([past, past], ignore_index=True), sample.params)
    assert len(later) > 0
    predicted = sample.predict(fitted, pd.concat([later, later], ignore_index=True))
    assert _finite(predicted)
    assert predicted.iloc[: len(later)].to_dict("list") == predicted.iloc[len(later) :].to_dict("list")
    doubled = pd.concat([sample.frame, sample.frame], ignore_index=True)
    metrics = backtest(sample.model, doubled, sample.as_of, sample.params).metrics
    assert np.isfinite([metric.value for metric in metrics.values()]).all()


# ── what it tells of itself ───────────────────────────────────────────────────────────────────


def test_every_figure_but_counts_and_p_values_has_an_interval(sample, fitted):
    _, later = sample.split(sample.windows[-1])
    for name, metric in sample.model.evaluate(fitted, later, sample.params).items():
        if name in COUNTS or name.endswith("_p"):
            assert (metric.low, metric.high) == (None, None), name
        else:
            assert metric.low is not None, name
            assert metric.low <= metric.high, name


def test_without_rehearsals_parameters_stay_as_they_are(sample):
    assert sample.model.choose([], sample.params) == sample.params


def _function(sample, name: str):
    """A function that a model may lack, but propensities must not."""
    found = getattr(sample.model, name, None)
    if found is None and sample.name not in ("ctr", "churn"):
        pytest.skip(f"{sample.name} has no {name}")
    assert found is not None, f"{sample.name} must have {name}"
    return found


def test_outcomes_set_what_came_beside_what_was_said(sample, fitted):
    outcomes = _function(sample, "outcomes")
    _, later = sample.split(sample.windows[-1])
    told = outcomes(fitted, later)
    assert {"pseudonym", "snapshot_at", "actual", "predicted", "weight"} <= set(told.columns)
    assert (told["pseudonym"].tolist(), told["snapshot_at"].tolist()) == (
        later["pseudonym"].tolist(),
        later["snapshot_at"].tolist(),
    )
    assert told["predicted"].tolist() == sample.predict(fitted, later)[sample.predicted[0]].tolist()
    assert _finite(told[["actual", "predicted", "weight"]])
    assert (told["weight"] > 0).all()
    assert told["actual"].nunique() > 1


def test_drivers_share_what_moves_predictions_in_words(sample, fitted):
    drivers = _function(sample, "drivers")
    told = drivers(fitted, sample.frame)
    assert list(told.columns) == ["driver", "share", "direction"]
    assert told["share"].sum() == pytest.approx(1)
    assert told["share"].is_monotonic_decreasing
    assert set(told["direction"]) <= {"raises", "lowers", "either way"}
    assert not told["driver"].str.contains("_").any()
    assert len(told) == len(fitted.features)


def test_reasons_are_few_and_in_words(sample, fitted):
    explain = _function(sample, "explain")
    told = explain(fitted, sample.frame.head(30), 2)
    assert len(told) == 30
    assert {len(reasons) for reasons in told} <= {0, 1, 2}
    shape = re.compile(r"[^_]+: .+ \((odds × [\d.]+|[+-][\d,]+\.\d\d|[1-5] of 5)\)")
    assert all(shape.fullmatch(reason) for reasons in told for reason in reasons)


@pytest.mark.filterwarnings("error")
def test_no_rows_have_no_reasons_and_no_drivers_to_speak_of(sample, fitted):
    nobody = sample.frame.head(0)
    assert _function(sample, "explain")(fitted, nobody) == []
    assert _function(sample, "drivers")(fitted, nobody)["share"].tolist() == [0.0] * len(fitted.features)
