"""Drift: do current rows, and what a version says of them, still look like those it was trained on?

One statistic decides: the distances of all features, each weighted by how much the version's predictions depend on it.
Its threshold comes with the version (`monitoring/ordinary.py`): what two ordinary periods of its own training rows
differ by. Where a version has none, the field's convention stands in, and the reason says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitoring.distances import distances, farthest, prepared, sampled, sampling_error
from monitoring.ordinary import Threshold
from monitoring.verdict import Verdict

CONVENTION = 0.1
"""From this distance on a feature is said to drift (the default of Evidently and others): nobody measured it here."""

CLEAR_OF_CONVENTION = 0.075


@dataclass(frozen=True, kw_only=True)
class DriftRule:
    """How current rows are held against a reference.

    importances: how much predictions depend on each feature, in any unit; empty: all alike.
    moving: features that move with the calendar by construction; shown, not counted.
    threshold: learned from ordinary periods; None: the convention.
    why_none: why there is no threshold.
    max_rows: a sample of as many rows of each side is compared.
    """

    importances: Mapping[str, float]
    moving: tuple[str, ...] = ()
    threshold: Threshold | None = None
    why_none: str = "trained before thresholds were learned"
    max_rows: int = 2_000
    seed: int = 20170101

    @property
    def alarm(self) -> float:
        return self.threshold.alarm if self.threshold else CONVENTION

    @property
    def clear(self) -> float:
        return self.threshold.clear if self.threshold else CLEAR_OF_CONVENTION


@dataclass(frozen=True)
class DriftJudgement:
    """The verdict and its table: per feature ``distance``, ``importance`` (as it counts) and ``part`` of the value.

    The largest part comes first; ``error`` is the standard error of the value that sampling rows brings. ``why_not``:
    why nothing can be said, so that the verdict, which passes, is no sign of quiet either; None where it counts.
    """

    verdict: Verdict
    features: pd.DataFrame
    error: float = 0.0
    why_not: str | None = None


def judge_drift(name: str, current: pd.DataFrame, reference: pd.DataFrame, rule: DriftRule) -> DriftJudgement:
    """Compare current rows with a reference sample, on the columns of the reference.

    A feature without any current value has vanished: each row of the reference that had one is as far off as it can be
    (`distances.farthest`). Features that the reference itself lacks cannot be compared, and those that move with the
    calendar are not counted; the reason says how many of both, and how much of the importance they have.
    """
    rows, sample = (sampled(frame, rule.max_rows, rule.seed) for frame in (current, reference))
    features = [c for c in sample.columns if _has_values(sample, c)]
    there = [name for name in features if _has_values(rows, name)]
    weights = weights_of(features, there, rule)
    if current.empty or not weights.sum() > 0:
        why_not = "no rows to compare yet" if current.empty else "no feature to compare"
        nothing = Verdict(name, True, 0.0, rule.alarm, why_not)
        return DriftJudgement(nothing, _table(pd.Series(dtype=float), weights[:0]), why_not=why_not)
    compared = prepared(rows[there], sample[there], there)
    found = pd.concat([distances(*compared), farthest(sample[[name for name in features if name not in there]])])
    table = _table(found, weights)
    value = float(table["part"].sum())
    error = 0.0
    if there and max(len(current), len(reference)) > rule.max_rows:
        error = sampling_error(*compared, weights[there], rule.seed)
    told = _reason(value, error, table, reference, features, there, rule)
    return DriftJudgement(Verdict(name, value < rule.alarm, value, rule.alarm, told), table, error)


def weights_of(features: list[str], there: list[str], rule: DriftRule) -> pd.Series:
    """Importances of the features that count, as shares of their sum.

    Those that move with the calendar do not, as long as they are ``there``: the calendar does not empty them.
    """
    given = pd.Series(
        {name: rule.importances.get(name, 0.0) if rule.importances else 1.0 for name in features}, dtype=float
    )
    given[[name for name in there if name in rule.moving]] = 0.0
    return given / given.sum() if given.sum() > 0 else given


def _table(found: pd.Series, weights: pd.Series) -> pd.DataFrame:
    found = found.fillna(0.0)
    table = pd.DataFrame({"distance": found, "importance": weights, "part": found * weights})
    return table.sort_values(["part", "distance"], ascending=False, kind="stable")


def _reason(
    value: float,
    error: float,
    table: pd.DataFrame,
    reference: pd.DataFrame,
    features: list[str],
    there: list[str],
    rule: DriftRule,
) -> str:
    parts = ", ".join(f"{name} {row.part:.3f}" for name, row in table.head(3).iterrows() if row.part > 0)
    told = f"distance {value:.3f}" + (f" (± {error:.3f} by sampling)" if error else "")
    if rule.threshold is None:
        told += f" against {rule.alarm:g}, a convention: {rule.why_none}"
    else:
        told += f", ordinary up to {rule.alarm:.3f}, typically {rule.threshold.typical:.3f}"
    told += f"; most of it: {parts}" if parts else ""
    if aside := [name for name in there if name in rule.moving]:
        told += f"; left out, as they move with the calendar: {len(aside)} of {len(reference.columns)} features"
        told += _share(aside, rule)
    if left_out := [name for name in reference.columns if name not in features]:
        told += f"; {len(left_out)} features that the reference lacks left out{_share(left_out, rule)}"
    if gone := [name for name in table.index if name not in there and table["part"][name] > 0]:
        told += f"; without any value now: {', '.join(gone[:3])}{_more(gone, rule)}"
    return told


def _more(gone: list[str], rule: DriftRule) -> str:
    return (f" and {len(gone) - 3} more" if len(gone) > 3 else "") + _share(gone, rule)


def _share(names: list[str], rule: DriftRule) -> str:
    """How much of all importance some features have, where that is told."""
    total = sum(rule.importances.values())
    share = sum(rule.importances.get(name, 0.0) for name in names) / total if total > 0 else 0.0
    return f" ({share:.0%} of the importance)" if share >= 0.005 else ""


def _has_values(frame: pd.DataFrame, column: str) -> bool:
    return column in frame and bool(frame[column].notna().any())


def drift_report(current: pd.DataFrame, reference: pd.DataFrame, rule: DriftRule) -> str:
    """Evidently's report on the same samples, as HTML: every feature's distributions side by side.

    Its own marks go by the convention of 0.1 a feature; empty where nothing can be compared.
    """
    from evidently import DataDefinition, Dataset, Report  # takes seconds to import
    from evidently.presets import DataDriftPreset

    features = [c for c in reference.columns if _has_values(reference, c) and _has_values(current, c)]
    if not features or current.empty:
        return ""
    frames = prepared(
        sampled(current[features], rule.max_rows, rule.seed),
        sampled(reference[features], rule.max_rows, rule.seed),
        features,
    )
    numeric = [name for name in features if pd.api.types.is_numeric_dtype(frames[1][name])]
    definition = DataDefinition(
        numerical_columns=numeric, categorical_columns=[name for name in features if name not in numeric]
    )
    preset = DataDriftPreset(
        num_method="wasserstein", num_threshold=CONVENTION, cat_method="jensenshannon", cat_threshold=CONVENTION
    )
    with np.errstate(divide="ignore", invalid="ignore"):  # features with one value: their distance is none
        snapshot = Report([preset]).run(*(Dataset.from_pandas(frame, definition) for frame in frames))
    return str(snapshot.get_html_str(as_iframe=False))
