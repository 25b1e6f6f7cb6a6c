"""What-if plans for people: any budget, any channels, beside what is bought today."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from flows.channels_file import SEED, explained_problem, read_channels, read_current
from flows.context import Door
from infra import channel_evidence, warehouse
from infra.contracts import Channels
from infra.warehouse import Generation
from models.budget.channel_table import checked_table
from models.budget.document import planned
from models.budget.inputs import Known, build
from models.budget.lifts import incremental
from models.budget.responses import measured
from models.budget.solution import Method


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked beside the budget: files, and limits that no file tells."""

    channels: Path | None = None
    current: Path | None = None
    max_shares: Mapping[str, float] = field(default_factory=dict)
    periods: Mapping[str, float] = field(default_factory=dict)
    min_roi: float | None = None
    seconds: float | None = None


def what_if(door: Door, asked: Question) -> dict[str, Any]:
    """The best plan for the settings' budget; channels come from a file, the setting, the last cycle, or the seed.

    Raises:
        AimloopError: a file does not fit, or no plan fits; says what is missing.
    """
    published = warehouse.published(door.state)
    file = asked.channels or door.settings.channels
    table = read_channels(file) if file is not None else _last_channels(published)
    current = None if asked.current is None else read_current(asked.current)
    known = None if published is None else known_of(published, response_values(table))
    with explained_problem(file or SEED, asked.current):
        inputs = build(
            table,
            door.settings.budget,
            known,
            plan_days=door.settings.plan_days,
            max_shares=asked.max_shares,
            periods=asked.periods,
            min_roi=asked.min_roi,
            contacts_per_customer=door.settings.contacts_per_customer,
        )
        return planned(inputs, Method(solver=door.settings.solver, seconds=asked.seconds), current)


def known_of(generation: Generation, values: dict[str, float]) -> Known:
    """What a generation knows of channels; ``values``: what a response is worth, where people say it."""
    until = as_of(generation)
    evidence = channel_evidence.gather(generation, until)
    attributed = measured(evidence.responses, evidence.segments, values)
    results = incremental(attributed, channel_evidence.beside_control(generation, until))
    return Known(measured=results, weeks=evidence.weeks, segments=evidence.segments)


def response_values(table: pd.DataFrame) -> dict[str, float]:
    told = table[table["response_value"].notna()]
    return {str(c): float(v) for c, v in zip(told["channel"], told["response_value"], strict=True)}


def as_of(generation: Generation) -> pd.Timestamp:
    return pd.Timestamp(generation.query("SELECT as_of FROM cycle")["as_of"].iloc[0])


def _last_channels(published: Generation | None) -> pd.DataFrame:
    return read_channels(SEED) if published is None else channels_of(published)


def channels_of(generation: Generation) -> pd.DataFrame:
    """The channels of the marts, checked."""
    with explained_problem(SEED):
        return checked_table(generation.read(Channels, "channels"))
