"""Distances are Evidently's; the binned ones are nearly the same."""

import numpy as np
import pandas as pd
import pytest
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from monitoring.distances import Binned, distances, prepared, sampled, sampling_error


def rows(seed: int, shift: float = 0.0, count: int = 1_500) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "amount": rng.lognormal(3 + shift, 1, count),
            "orders": rng.poisson(3 + 2 * shift, count).astype(float),
            "gap": np.where(rng.random(count) < 0.3, np.nan, rng.exponential(10, count)),
            "is_member": (rng.random(count) < 0.3 + shift / 3).astype(float),
            "channel": rng.choice(["mailer", "display", "shop"], count, p=[0.5 + shift / 4, 0.3, 0.2 - shift / 4]),
        }
    )


def evidently(current: pd.DataFrame, reference: pd.DataFrame) -> dict[str, float]:
    numeric = [name for name in reference if pd.api.types.is_numeric_dtype(reference[name])]
    definition = DataDefinition(
        numerical_columns=numeric, categorical_columns=[name for name in reference if name not in numeric]
    )
    report = Report([DataDriftPreset(num_method="wasserstein", cat_method="jensenshannon")])
    found = report.run(*(Dataset.from_pandas(frame, definition) for frame in (current, reference))).dict()
    values = [metric for metric in found["metrics"] if str(metric["config"]["type"]).endswith(":ValueDrift")]
    return {metric["config"]["column"]: float(metric["value"]) for metric in values}


def both(shift: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    return prepared(rows(1, shift), rows(2), list(rows(2)))


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_distances_are_those_of_evidently_and_binned_ones_nearly_so(shift: float) -> None:
    current, reference = both(shift)
    theirs = evidently(current, reference)
    ours = distances(current, reference)
    binned = Binned(pd.concat([current, reference], ignore_index=True))
    sides = np.split(np.arange(len(current) + len(reference)), [len(current)])
    quick = binned.distances(*(binned.counts(side) for side in sides))
    assert set(theirs) == set(ours.index)
    for name, value in theirs.items():
        assert ours[name] == pytest.approx(value, abs=1e-9), name
        assert quick[binned.columns.index(name)] == pytest.approx(value, rel=0.03, abs=0.002), name


def test_what_has_no_value_on_one_side_has_no_distance_when_binned() -> None:
    frame = pd.DataFrame({"amount": [1.0, 2.0, np.nan, np.nan]})
    binned = Binned(frame)
    assert binned.distances(binned.counts(np.array([0, 1])), binned.counts(np.array([2, 3]))).tolist() == [0]


def test_the_stated_error_is_that_of_drawing_rows() -> None:
    """Twenty pairs of samples of one world: their distances vary by about what one pair says of itself."""
    found, told = [], []
    for seed in range(20):
        current, reference = prepared(rows(seed, 0.4, 400), rows(100 + seed, count=400), ["amount", "orders"])
        weights = pd.Series({"amount": 0.7, "orders": 0.3})
        found.append(float((distances(current, reference) * weights).sum()))
        told.append(sampling_error(current, reference, weights, seed))
    assert 0.5 < np.mean(told) / np.std(found) < 2


def test_a_sample_is_drawn_of_what_is_long() -> None:
    assert len(sampled(rows(1), 100, 1)) == 100
    assert len(sampled(rows(1), 100_000, 1)) == 1_500
