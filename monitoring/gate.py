"""The gate: is a candidate good enough to be tried on customers, judged on rows that it and the champion both scored?

The loss must be expected to fall and surely not rise by more than a margin (non-inferiority): that a candidate is
better, an experiment has to prove. Where none can (``must_be_sure``), the loss must surely fall.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame
from scipy.stats import norm

from infra.loop_contracts import PairedPredictions
from models.metrics import Loss, Metric, average, difference, loss_rows, prediction_ratio, with_intervals
from monitoring.verdict import Verdict

LEAST_CUSTOMERS = 50  # of a slice that is judged
UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class GateRule:
    """What a candidate must keep to. Margins are shares of the champion's loss on the same rows."""

    loss: Loss
    must_be_sure: bool = False
    margin: float = 0.02
    slice_margin: float = 0.1
    calibration: float = 1.1
    max_row_ms: float = 20
    max_bytes: float = 2e8
    resamples: int = 200
    seed: int = 20170101


@dataclass(frozen=True)
class Cost:
    """Of a candidate: milliseconds that one row takes, and the size of its file in bytes."""

    row_ms: float
    size_bytes: int


@dataclass(frozen=True)
class GateJudgement:
    """Whether it may be tried, why, every verdict, and the paired difference: candidate less champion."""

    passed: bool
    reason: str
    verdicts: tuple[Verdict, ...]
    champion_loss: float
    candidate_loss: float
    difference: Metric
    rows: int
    customers: int

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self) | {"verdicts": [asdict(verdict) for verdict in self.verdicts]}


def judge_gate(
    rows: DataFrame[PairedPredictions], attributes: Sequence[str], cost: Cost, rule: GateRule
) -> GateJudgement:
    """Judge a candidate.

    Args:
        rows: scored by both, later than either learned from; at least one.
        attributes: columns of ``rows`` whose values group customers; ``unknown`` is no group.
        cost: of the candidate, as measured.
        rule: what it must keep to.
    """
    lost = rows.assign(
        champion_loss=loss_rows(rule.loss, rows["actual"], rows["champion"]),
        candidate_loss=loss_rows(rule.loss, rows["actual"], rows["candidate"]),
    )
    of_customers = _by_customer(lost)
    measured = with_intervals(
        {
            "champion": average(of_customers["champion_loss"]),
            "candidate": average(of_customers["candidate_loss"]),
            "difference": difference(average(of_customers["candidate_loss"]), average(of_customers["champion_loss"])),
            "ratio": prediction_ratio(of_customers["actual"], of_customers["candidate"]),
            "champion_ratio": prediction_ratio(of_customers["actual"], of_customers["champion"]),
        },
        of_customers["pseudonym"],
        of_customers["weight"].to_numpy(dtype=float),
        rule.resamples,
        rule.seed,
    )
    verdicts = (
        _loss(measured["difference"], measured["champion"].value, rule),
        _calibration(measured["ratio"], measured["champion_ratio"].value, rule),
        _slices(lost, attributes, rule),
        _limit("gate.latency", cost.row_ms, rule.max_row_ms, f"one row takes {cost.row_ms:.2f} ms"),
        _limit("gate.size", cost.size_bytes, rule.max_bytes, f"its file has {cost.size_bytes / 1e6:.1f} MB"),
    )
    failed = [verdict for verdict in verdicts if not verdict.passed]
    reason = "; ".join(verdict.reason for verdict in failed) or verdicts[0].reason
    return GateJudgement(
        not failed,
        reason,
        verdicts,
        measured["champion"].value,
        measured["candidate"].value,
        measured["difference"],
        len(rows),
        len(of_customers),
    )


def _by_customer(lost: pd.DataFrame) -> pd.DataFrame:
    """A row a customer with weighted means, so that a resample costs no more than there are customers."""
    names = ["actual", "champion", "candidate", "champion_loss", "candidate_loss"]
    weight = lost["weight"].to_numpy(dtype=float)
    sums = lost[names].mul(weight, axis=0).assign(weight=weight).groupby(lost["pseudonym"], sort=True).sum()
    return sums[names].div(sums["weight"], axis=0).assign(weight=sums["weight"]).reset_index()


def _loss(change: Metric, champion: float, rule: GateRule) -> Verdict:
    """Relative to the champion's loss; the threshold is what the upper end of the interval is held against."""
    low, value, high = (_share(end, champion) for end in (change.low, change.value, change.high))
    margin = 0.0 if rule.must_be_sure else rule.margin
    words = {"log_loss": "log-loss", "squared_error": "squared error"}[rule.loss]
    told = f"{words} {value:+.2%} ({low:+.2%} to {high:+.2%})"
    if value == low == high == 0:
        return Verdict("gate.loss", False, 0.0, margin, f"{words}: it says the same as the champion of every row")
    if value >= 0:
        return Verdict("gate.loss", False, value, margin, f"{told}: not expected to be better than the champion")
    if rule.must_be_sure and not high < 0:
        return Verdict(
            "gate.loss", False, value, margin, f"{told}: not surely better, and no experiment could prove it"
        )
    if high > margin:
        return Verdict("gate.loss", False, value, margin, f"{told}: may be worse by more than {margin:.0%}")
    sure = "surely better" if high < 0 else f"expected to be better, surely not worse by more than {margin:.0%}"
    return Verdict("gate.loss", True, value, margin, f"{told}: {sure}")


def _share(value: float | None, of: float) -> float:
    return float(value) / of if value is not None and of else 0.0


def _calibration(ratio: Metric, champions: float, rule: GateRule) -> Verdict:
    """Fails where it is surely beyond the tolerance, unless the champion is farther off still."""
    if ratio.low is None or ratio.high is None:
        return Verdict("gate.calibration", True, 1.0, rule.calibration, "nothing was observed to calibrate by")
    told = f"predicted ÷ observed {ratio.value:.3f} ({ratio.low:.3f} to {ratio.high:.3f})"
    is_beyond = ratio.low > rule.calibration or ratio.high < 1 / rule.calibration
    both = (ratio.value, champions)
    is_nearer = min(both) > 0 and bool(abs(np.log(ratio.value)) < abs(np.log(champions)))
    reason = f"{told}, champion {champions:.3f}" + (", nearer to 1 than that" if is_beyond and is_nearer else "")
    return Verdict("gate.calibration", not is_beyond or is_nearer, float(ratio.value), rule.calibration, reason)


def _slices(lost: pd.DataFrame, attributes: Sequence[str], rule: GateRule) -> Verdict:
    """The slice that is surely worst. Of many slices one is bad by chance: intervals are Bonferroni's, normal, with
    the spread of the resampled values.
    """
    judged = list(_judged_slices(lost, attributes))
    if not judged:
        return Verdict("gate.slices", True, 0.0, rule.slice_margin, "no group of customers is large enough to judge")
    z = norm.ppf(1 - 0.05 / (2 * len(judged)))
    found = []
    for name, part in judged:
        change = difference(average(part["candidate_loss"]), average(part["champion_loss"]))
        weight = part["weight"].to_numpy(dtype=float)
        measured = with_intervals({"change": change}, part["pseudonym"], weight, rule.resamples, rule.seed)["change"]
        spread = (_share(measured.high, 1.0) - _share(measured.low, 1.0)) / (2 * norm.ppf(0.975))
        champion = average(part["champion_loss"])(weight)
        found.append((_share(measured.value - z * spread, champion), _share(measured.value, champion), name))
    sure, value, name = max(found)
    passed = bool(sure <= rule.slice_margin)
    state = "no group is surely worse by more than" if passed else f"{name} is surely worse by more than"
    reason = f"{state} {rule.slice_margin:.0%}; of {len(found)}, {name} comes nearest: loss {value:+.1%}"
    return Verdict("gate.slices", passed, value, rule.slice_margin, reason)


def _judged_slices(lost: pd.DataFrame, attributes: Sequence[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    for attribute in attributes:
        for value, part in lost.groupby(attribute, sort=True):
            if value != UNKNOWN and part["pseudonym"].nunique() >= LEAST_CUSTOMERS:
                yield f"{attribute} {value}", _by_customer(part)


def _limit(name: str, value: float, most: float, told: str) -> Verdict:
    passed = value <= most
    return Verdict(name, passed, float(value), float(most), told if passed else f"{told}, more than it may")
