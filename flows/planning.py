"""What-if plans for people: any budget, any channels."""

from pathlib import Path

import pandas as pd
from pandera.typing.pandas import DataFrame

from flows.context import Door
from infra import dbt, warehouse
from infra.contracts import Channels
from infra.errors import AimloopError
from models import budget
from models.budget import Params, Plan
from models.errors import BadProblem, NoPlan

SEED = dbt.PROJECT / "seeds" / "channels.csv"


def what_if(door: Door, file: Path | None) -> Plan:
    """The best plan for the settings' budget and the channels of a file, of the last cycle, or of the seed.

    Raises:
        AimloopError: the file does not fit the contract, or no plan fits the budget.
    """
    published = warehouse.published(door.state)
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
        )
    return warehouse.checked(Channels, frame, str(file))
