"""Alerts: what people are told, once an incident, with its strongest reasons, and again when it is over."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True)
class Condition:
    """Something that is well or is not, as judged now; what is not opens one incident, what is well again closes it.

    ``key`` names the incident ("drift.ctr"); ``reasons`` come strongest first; ``report`` is a path or a link.
    """

    key: str
    is_well: bool
    severity: Severity
    headline: str
    reasons: tuple[str, ...] = ()
    report: str | None = None


@dataclass(frozen=True)
class News:
    """Something that happened once and that people should hear of: a promotion, a rejected challenger."""

    key: str
    headline: str
    reasons: tuple[str, ...] = ()
    report: str | None = None
