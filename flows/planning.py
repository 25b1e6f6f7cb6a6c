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
<<<<<<< HEAD
from infra.warehouse import Generation
from models.budget.channel_table import checked_table
from models.budget.document import planned
from models.budget.inputs import Known, build
from models.budget.responses import measured
from models.budget.solution import Method
=======
from infra.errors import AimloopError
from models import budget
from models.budget import Params, Plan
from models.errors import BadProblem, NoPlan

SEED = dbt.PROJECT / "seeds" / "channels.csv"
>>>>>>> budget


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
<<<<<<< HEAD
    file = asked.channels or door.settings.channels
    table = read_channels(file) if file is not None else _last_channels(published)
    current = None if asked.current is None else read_current(asked.current)
    needs_results = table["unit_return"].isna().any() or table["response_value"].notna().any()
    known = known_of(published, response_values(table)) if published is not None and needs_results else None
    with explained_problem(file or SEED, asked.current):
        inputs = build(
            table,
            door.settings.budget,
            known,
            plan_days=door.settings.plan_days,
            max_shares=asked.max_shares,
            periods=asked.periods,
            min_roi=asked.min_roi,
=======
    if file is not None:
        channels = read_channels(file)
    elif published is not None:
        channels = published.read(Channels, "channels")
    else:
        channels = read_channels(SEED)
    try:
        return budget.plan(channels, Params(budget=door.settings.budget, solver=door.settings.solver))
    except BadProblem as bad:
        raise AimloopError(f"no budget plan: {bad.place}: {bad.what}", bad.remedy) from None
    except NoPlan as reason:
        raise AimloopError(f"no budget plan: {reason}", "change the budget, or the channels' minimum units") from None


def read_channels(file: Path) -> DataFrame[Channels]:
    """A CSV of channels, checked; errors name file, line, column and what is wrong."""
    try:
        frame = pd.read_csv(file)
    except (OSError, ValueError) as error:
        raise AimloopError(f"{file} cannot be read as CSV: {error}", f"take {SEED} as a pattern") from None
    columns = Channels.to_schema().columns
    missing = [name for name in columns if name not in frame]
    if missing:
        raise AimloopError(f"{file} lacks the column '{missing[0]}'", f"it needs {', '.join(columns)}")
    for name in columns:
        if name == "channel":
            continue
        numbers = pd.to_numeric(frame[name], errors="coerce")
        if numbers.isna().any():
            row = int(numbers.isna().to_numpy().argmax())
            raise AimloopError(
                f"{file} line {row + 2}, column '{name}': {frame[name].iloc[row]!r} is not a number",
                "write plain numbers with a decimal point",
            )
        wrong = numbers <= 0 if name == "unit_cost" else numbers < 0 if name in ("max_units", "min_units") else None
        if wrong is not None and wrong.any():
            rule = "above 0" if name == "unit_cost" else "at least 0"
            row = int(wrong.to_numpy().argmax())
            raise AimloopError(f"{file} line {row + 2}, column '{name}': {numbers.iloc[row]:g}", f"it must be {rule}")
    if frame.empty:
        raise AimloopError(f"{file} holds no channel", f"take {SEED} as a pattern")
    twice = frame["channel"].duplicated()
    if twice.any():
        row = int(twice.to_numpy().argmax())
        raise AimloopError(
            f"{file} line {row + 2}, column 'channel': '{frame['channel'].iloc[row]}' is there already",
            "give each channel one line",
>>>>>>> budget
        )
        return planned(inputs, Method(solver=door.settings.solver, seconds=asked.seconds), current)


def known_of(generation: Generation, values: dict[str, float]) -> Known:
    """What a generation knows of channels; ``values``: what a response is worth, where people say it."""
    evidence = channel_evidence.gather(generation, as_of(generation))
    return Known(measured=measured(evidence.responses, evidence.segments, values), weeks=evidence.weeks)


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
