"""Data quality: is what a company brought good enough to act on?

Six kinds of judgement, each a verdict per table or column. Evidence comes as counts; no reason
quotes a value that the company brought.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame

from infra.contracts import BinCounts, FieldCounts, NewestRows, ReferenceCounts, WeeklyRows
from monitoring.verdict import Verdict

# Each kind of judgement, and what to do when one of it stops a cycle.
KINDS = {
    "null_rate": "bring the table with that column filled, or raise quality.max_null_rate",
    "freshness": "bring newer rows, choose an earlier as_of, or raise quality.max_age_days",
    "volume": "see whether the export is whole; if the change is real, raise quality.max_volume_change",
    "history": "bring the rows that are gone; if they should be, raise quality.max_volume_change",
    "references": "bring the rows that are referred to, or raise quality.max_orphan_rate",
    "distribution": "see whether the column still means the same; if the change is real, raise quality.max_shift",
}

NOISE_SCORE = 3.5
"""A modified z-score beyond this is an outlier (Iglewicz & Hoaglin, How to Detect and Handle Outliers, 1993)."""

SHIFT_QUANTILE = 2.33
"""99 % of a standard normal distribution lie below."""

LATEST_WEEKS = 4
TREND_WEEKS = 12
LEAST_TREND_WEEKS = 8
LEAST_ROWS = 30

_WEEK = pd.Timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class QualityRule:
    """Beyond these a judgement fails; all but ``max_age_days`` are shares."""

    max_null_rate: float = 0.05
    max_age_days: float = 14
    max_volume_change: float = 0.5
    max_orphan_rate: float = 0.05
    max_shift: float = 0.2


def kind(name: str) -> str:
    """``references`` of ``references.orders.product_id``."""
    return name.split(".", 1)[0]


def does_stop(verdict: Verdict, on_failure: str, stop_on: tuple[str, ...]) -> bool:
    """Whether a failed judgement ends the cycle: all do, or those named whole or by the beginning of their name."""
    named = any(verdict.name == name or verdict.name.startswith(f"{name}.") for name in stop_on)
    return not verdict.passed and (on_failure == "stop" or named)


def judge_null_rates(counts: DataFrame[FieldCounts], rule: QualityRule) -> list[Verdict]:
    """Per table, the required column that is missing or unreadable in the largest share of the rows read.

    A row is set aside for its first fault, so the rates of its later columns are lower bounds.
    """
    rates = counts.assign(rate=_share(counts["missing"] + counts["unreadable"], counts["rows"]))
    worst = rates.sort_values("rate", ascending=False, kind="stable").drop_duplicates("table_name").sort_index()
    reasons = (
        f"{row.column_name}: {row.missing:,} missing and {row.unreadable:,} unreadable of {row.rows:,} rows"
        if row.rate
        else f"every required column is there in {row.rows:,} rows"
        for row in worst.itertuples()
    )
    judged = zip(worst["table_name"], worst["rate"], reasons, strict=True)
    return [_rate(f"null_rate.{table}", rate, rule.max_null_rate, reason) for table, rate, reason in judged]


def judge_freshness(newest: DataFrame[NewestRows], as_of: pd.Timestamp, rule: QualityRule) -> list[Verdict]:
    """Per table of things that happen, the age of its newest row at ``as_of``, in days."""

    def judge(table: str, at: pd.Timestamp) -> Verdict:
        if pd.isna(at):
            return _nothing(f"freshness.{table}", rule.max_age_days, "no row says that it happened before as_of")
        age = (as_of - at) / pd.Timedelta(days=1)
        reason = f"the newest row is {age:.1f} days old"
        return Verdict(f"freshness.{table}", age <= rule.max_age_days, age, rule.max_age_days, reason)

    return [judge(row.table_name, row.newest_at) for row in newest.itertuples()]


def judge_volume(weeks: DataFrame[WeeklyRows], recorded: DataFrame[WeeklyRows], rule: QualityRule) -> list[Verdict]:
    """Per table, how far the last complete weeks lie off the trend of the weeks before.

    The trend is a Theil-Sen line (Sen, J. Am. Stat. Assoc. 63, 1968) through up to 12 weeks before the last 4.
    Weeks that are older than this data's first are taken from what earlier cycles ``recorded``. A table that
    swings by nature is allowed more: 3.5 times the deviation estimated from the median absolute residual.
    """
    return _per_table(weeks, lambda table, counts: _volume(table, counts, _of(recorded, table), rule))


def _volume(table: str, counts: pd.Series, recorded: pd.Series, rule: QualityRule) -> Verdict:
    name = f"volume.{table}"
    whole = counts.iloc[1:]  # the first week began before the data did
    series = pd.concat([recorded[recorded.index < counts.index[0] + _WEEK], whole]).sort_index()
    if series.empty:
        return _nothing(name, rule.max_volume_change, "less than a complete week")
    gaps = (series.index.to_series().diff() > _WEEK).cumsum()
    series = series[gaps == gaps.iloc[-1]]  # of weeks that nobody counted nothing is known
    latest, before = series.iloc[-LATEST_WEEKS:], series.iloc[:-LATEST_WEEKS].iloc[-TREND_WEEKS:]
    if len(before) < LEAST_TREND_WEEKS:
        needed = LEAST_TREND_WEEKS + LATEST_WEEKS
        return _nothing(name, rule.max_volume_change, f"{len(series)} complete weeks, a trend needs {needed}")
    if (before == 0).mean() > 0.25:
        return _nothing(name, rule.max_volume_change, "rows come in bursts, more than a quarter of the weeks have none")
    slope, intercept = theil_sen(before.to_numpy(float))
    usual = float(before.median())
    expected = np.maximum(intercept + slope * (len(before) + np.arange(len(latest))), usual / 4)
    residuals = before.to_numpy(float) - (intercept + slope * np.arange(len(before)))
    swing = NOISE_SCORE * 1.4826 * float(np.median(np.abs(residuals))) / usual
    threshold = max(rule.max_volume_change, swing)
    changes = latest.to_numpy(float) / expected - 1
    at = int(np.abs(changes).argmax())
    reason = (
        f"week of {latest.index[at]:%Y-%m-%d}: {latest.iloc[at]:,.0f} rows, {changes[at]:+.0%} off the trend "
        f"of the {len(before)} weeks before the last {LATEST_WEEKS} ({expected[at]:,.0f})"
    )
    change = float(abs(changes[at]))
    return Verdict(name, change <= threshold, change, threshold, reason)


def theil_sen(values: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of the line whose slope is the median of all pairwise slopes; positions are 0, 1, …"""
    first, second = np.triu_indices(len(values), k=1)
    slope = float(np.median((values[second] - values[first]) / (second - first)))
    return slope, float(np.median(values - slope * np.arange(len(values))))


def judge_history(weeks: DataFrame[WeeklyRows], recorded: DataFrame[WeeklyRows], rule: QualityRule) -> list[Verdict]:
    """Per table, the largest share of a week's rows that earlier cycles counted and that are gone now.

    Weeks before this data's first are not asked for: an export may reach back less far than the last one did.
    Rows that are gone from a small week are held against the median week.
    """

    def judge(table: str, then: pd.Series) -> Verdict:
        name, now = f"history.{table}", _of(weeks, table)
        then = then[(then.index > now.index[0]) & (then.index <= now.index[-1])] if len(now) else then
        if then.empty:
            return _nothing(name, rule.max_volume_change, "no week that an earlier cycle counted")
        gone = (then - now.reindex(then.index, fill_value=0.0)).clip(lower=0).to_numpy()
        shares = gone / then.clip(lower=max(1.0, then.median())).to_numpy()
        at = int(shares.argmax())
        week = f"week of {then.index[at]:%Y-%m-%d}"
        reason = (
            f"{week}: {gone[at]:,.0f} of {then.iloc[at]:,.0f} rows that an earlier cycle counted are gone"
            if shares[at]
            else f"all rows of {len(then)} weeks that earlier cycles counted are there"
        )
        share = float(shares[at])
        return Verdict(name, share <= rule.max_volume_change, share, rule.max_volume_change, reason)

    return _per_table(recorded, judge)


def judge_references(counts: DataFrame[ReferenceCounts], rule: QualityRule) -> list[Verdict]:
    """Per column that names rows of another table: the share of names that lead nowhere."""
    used = counts[counts["rows"] > 0]
    rates = _share(used["orphans"], used["rows"])
    return [
        _rate(
            f"references.{row.table_name}.{row.column_name}",
            rate,
            rule.max_orphan_rate,
            f"{row.orphans:,} of {row.rows:,} rows name one that {row.parent} does not hold",
        )
        for row, rate in zip(used.itertuples(), rates, strict=True)
    ]


def judge_distributions(bins: DataFrame[BinCounts], rule: QualityRule) -> list[Verdict]:
    """Per key column, the population stability index of the last weeks against those before.

    PSI sums (p - q) ln(p / q) over bins (Siddiqi, Credit Risk Scorecards, 2006); half a row is added to each
    count, so that an empty bin has a logarithm. Between samples of one world it is about (1/n + 1/m) times a
    chi-squared variable with one degree of freedom less than bins (Yurdakul, Statistical Properties of PSI, 2018):
    small samples are allowed its 99th percentile (normal approximation).
    """
    return [
        _distribution(f"distribution.{table}.{column}", counts, rule)
        for (table, column), counts in bins.groupby(["table_name", "column_name"], sort=False)
        if (counts["bin"] >= 0).any()  # a column that the company does not keep is not judged
    ]


def _distribution(name: str, counts: pd.DataFrame, rule: QualityRule) -> Verdict:
    before, lately = counts["before"].to_numpy(float), counts["lately"].to_numpy(float)
    n, m = before.sum(), lately.sum()
    if min(n, m) < LEAST_ROWS:
        return _nothing(name, rule.max_shift, f"{n:,.0f} rows before and {m:,.0f} lately, {LEAST_ROWS} are the least")
    shift = population_stability_index(before, lately)
    freedom = len(counts) - 1
    chance = (1 / n + 1 / m) * (freedom + SHIFT_QUANTILE * np.sqrt(2 * freedom))
    threshold = max(rule.max_shift, float(chance))
    reason = f"PSI {shift:.3f} over {len(counts)} bins: {m:,.0f} rows lately, {n:,.0f} before"
    return Verdict(name, shift <= threshold, shift, threshold, reason)


def population_stability_index(before: np.ndarray, lately: np.ndarray) -> float:
    """PSI of two lists of counts over the same bins."""
    p, q = ((counts + 0.5) / (counts + 0.5).sum() for counts in (lately, before))
    return float(((p - q) * np.log(p / q)).sum())


def _share(part: pd.Series, whole: pd.Series) -> pd.Series:
    return (part / whole).astype(float)


def _rate(name: str, rate: float, threshold: float, reason: str) -> Verdict:
    return Verdict(name, bool(rate < threshold or rate == 0), float(rate), threshold, reason)


def _of(weeks: pd.DataFrame, table: str) -> pd.Series:
    """A table's rows by week, in order of time."""
    own = weeks[weeks["table_name"] == table]
    return pd.Series(own["rows"].to_numpy(float), index=pd.DatetimeIndex(own["week_at"])).sort_index()


def _per_table(weeks: pd.DataFrame, judge: Callable[[str, pd.Series], Verdict]) -> list[Verdict]:
    return [judge(table, _of(weeks, table)) for table in weeks["table_name"].unique()]


def _nothing(name: str, threshold: float, why: str) -> Verdict:
    return Verdict(name, True, 0.0, threshold, f"nothing to compare yet: {why}")
