"""Data drift: do current rows still look like those a model was trained on?

Evidently measures, per feature, how far the distributions lie apart: for numbers the Wasserstein
distance in units of the reference's standard deviation, for categories the Jensen-Shannon distance.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from monitoring.verdict import Verdict

MAX_LEVELS = 100  # of a category: samples tell nothing of rarer ones


@dataclass(frozen=True, kw_only=True)
class DriftRule:
    """A feature drifts beyond ``distance``; data drift when at least ``share`` of the features do.

    Both are conventions of the field, not learned from this data.
    """

    distance: float = 0.1
    share: float = 0.5
    max_rows: int = 2_000
    seed: int = 20170101


@dataclass(frozen=True)
class DriftJudgement:
    """The verdict, each feature's distance (largest first), and a report people can read (HTML)."""

    verdict: Verdict
    distances: pd.Series
    html: str


def judge_drift(name: str, current: pd.DataFrame, reference: pd.DataFrame, rule: DriftRule) -> DriftJudgement:
    """Compare current rows with a reference sample, on the columns of the reference.

    Columns that are empty or absent on either side cannot be compared; the reason says how many.
    """
    features = [c for c in reference.columns if _has_values(reference, c) and _has_values(current, c)]
    left_out = len(reference.columns) - len(features)
    numeric = [c for c in features if pd.api.types.is_numeric_dtype(reference[c])]
    categorical = [c for c in features if c not in numeric]
    if not features or current.empty:
        return DriftJudgement(
            Verdict(f"drift.{name}", True, 0.0, rule.share, "nothing to compare yet"), pd.Series(dtype=float), ""
        )
    definition = DataDefinition(numerical_columns=numeric, categorical_columns=categorical)
    usual = {name: reference[name].value_counts().index[:MAX_LEVELS] for name in categorical}
    frames = [_prepared(frame, numeric, usual, rule) for frame in (current, reference)]
    report = Report(
        [
            DataDriftPreset(
                num_method="wasserstein",
                num_threshold=rule.distance,
                cat_method="jensenshannon",
                cat_threshold=rule.distance,
                drift_share=rule.share,
            )
        ]
    )
    with np.errstate(divide="ignore", invalid="ignore"):  # features with one value: their distance is none
        snapshot = report.run(*(Dataset.from_pandas(frame, definition) for frame in frames))
    distances = _distances(snapshot.dict()["metrics"])
    drifted = distances[distances >= rule.distance]
    share = len(drifted) / len(features)
    passed = share < rule.share
    farthest = ", ".join(f"{feature} {value:.2f}" for feature, value in distances.head(3).items())
    reason = f"{len(drifted)} of {len(features)} features beyond {rule.distance:g}; farthest: {farthest}"
    if left_out:
        reason += f"; {left_out} empty or absent features left out"
    verdict = Verdict(f"drift.{name}", passed, share, rule.share, reason)
    return DriftJudgement(verdict, distances, snapshot.get_html_str(as_iframe=False))


def _has_values(frame: pd.DataFrame, column: str) -> bool:
    return column in frame and bool(frame[column].notna().any())


def _prepared(frame: pd.DataFrame, numeric: list[str], usual: dict[str, pd.Index], rule: DriftRule) -> pd.DataFrame:
    """A sample; what is not among a category's usual values is "other"."""
    sample = frame.sample(min(rule.max_rows, len(frame)), random_state=rule.seed)
    numbers = sample[numeric].apply(pd.to_numeric, errors="coerce").astype(float)  # attributes come as text
    texts = sample[list(usual)].astype(object)
    for name, values in usual.items():
        texts[name] = texts[name].where(texts[name].isin(values), "other").where(texts[name].notna(), "missing")
    return pd.concat([numbers, texts], axis=1).reset_index(drop=True)


def _distances(metrics: list[dict[str, object]]) -> pd.Series:
    found = {}
    for metric in metrics:
        config = metric["config"]
        assert isinstance(config, dict)
        if str(config["type"]).endswith(":ValueDrift"):
            found[config["column"]] = float(metric["value"])  # type: ignore[arg-type]
    return pd.Series(found, dtype=float).sort_values(ascending=False)
