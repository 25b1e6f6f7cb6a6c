"""Trigger: when alarms are enough to retrain. One alarm is weather; several in a row, on new evidence, are climate.

A judgement of a version is *on* from the k-th alarm among its last n checks until a check is clearly quiet again
(hysteresis). While it is on it asks for retraining, once, and again when the cool-down is over. Checks of data that is
itself in doubt do not count, nor do those that saw nothing new.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class TriggerRule:
    """``alarms`` of the last ``checks`` checks switch it on; instants and days are those of the evidence and the clock.

    cooldown_days: after it asked for retraining it does not ask again for so long.
    new_evidence_days: a check counts when it knows so many more days than the last one that counted.
    """

    alarms: int = 2
    checks: int = 3
    cooldown_days: float = 28
    new_evidence_days: float = 7


@dataclass(frozen=True, kw_only=True)
class Check:
    """One look at one judgement of one version: what was found, from where on it alarms, below which it is quiet.

    ``why_not`` says why it does not count (data quality, no threshold of its own); None where it does.
    """

    checked_at: datetime
    evidence_until: datetime
    value: float
    alarm: float
    clear: float
    why_not: str | None = None

    @property
    def is_alarm(self) -> bool:
        return self.value >= self.alarm


@dataclass(frozen=True)
class Decision:
    """Is it on, does it ask for retraining now, and why in words."""

    is_on: bool
    asks: bool
    reason: str


def decide(history: Sequence[Check], last_asked_at: datetime | None, rule: TriggerRule) -> Decision:
    """What the checks of one judgement of one version lead to; the last one was made just now.

    Args:
        history: oldest first; the same evidence may have been looked at several times.
        last_asked_at: when retraining of this model was last asked for, by whatever judgement.
        rule: how many alarms it takes, and how long it rests.
    """
    if not history:
        return Decision(False, False, "no check yet")
    latest = history[-1]
    counted = _with_new_evidence(history, rule)
    is_on, recent = _state(counted, rule)
    alarms, checks = sum(check.is_alarm for check in recent), len(recent)
    of = "the last check that counts" if checks == 1 else f"the last {checks} checks that count"
    told = f"{alarms} alarm{'' if alarms == 1 else 's'} in {of}" if checks else "no check that counts yet"
    if latest.why_not is not None:
        return Decision(is_on, False, f"this check does not count: {latest.why_not}; {told}")
    if not is_on:
        return Decision(False, False, f"{told}, {rule.alarms} of {rule.checks} trigger")
    if last_asked_at is not None and latest.checked_at < last_asked_at + timedelta(days=rule.cooldown_days):
        until = last_asked_at + timedelta(days=rule.cooldown_days)
        return Decision(True, False, f"{told}; asked on {last_asked_at:%Y-%m-%d}, rests until {until:%Y-%m-%d}")
    return Decision(True, True, told)


def _with_new_evidence(history: Sequence[Check], rule: TriggerRule) -> list[Check]:
    """The checks that count; of several on nearly the same evidence the first."""
    counted: list[Check] = []
    for check in history:
        if check.why_not is not None:
            continue
        step = timedelta(days=rule.new_evidence_days)
        if not counted or check.evidence_until >= counted[-1].evidence_until + step:
            counted.append(check)
    return counted


def _state(counted: Sequence[Check], rule: TriggerRule) -> tuple[bool, list[Check]]:
    """Whether it is on after these checks, and the last ones it looks at (what lies before a clear one is over)."""
    is_on, recent = False, list[Check]()
    for check in counted:
        recent = [*recent, check][-rule.checks :]
        if is_on and check.value < check.clear:
            is_on, recent = False, [check]
        elif sum(one.is_alarm for one in recent) >= rule.alarms:
            is_on = True
    return is_on, recent
