"""Channels and current plans in files that people write; errors name file, line, column and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from flows.written_table import lines_of, read_table
from infra import dbt
from infra.errors import AimloopError, did_you_mean
from models.budget.channel_table import MOST, REQUIRED, checked_table
from models.errors import BadProblem, Infeasible, SolverFailed, Unbounded

SEED = dbt.PROJECT / "seeds" / "channels.csv"
CURRENT = ("channel", "segment", "offer", "period", "units")


def read_channels(file: Path) -> pd.DataFrame:
    """A CSV of channels, checked (`channel_table.checked_table`).

    Raises:
        AimloopError: it cannot be read, or a cell does not fit.
    """
    frame = read_table(file, f"take {SEED} as a pattern")
    for name in REQUIRED:
        if name not in frame:
            raise AimloopError(f"{file} lacks the column '{name}'", f"it needs {', '.join(REQUIRED)}")
    with explained_problem(file):
        return checked_table(frame)


def read_current(file: Path) -> pd.DataFrame:
    """A CSV of what is bought today: channel, units, and segment, offer or period where the channels have them.

    Raises:
        AimloopError: it cannot be read, or a cell does not fit.
    """
    frame = read_table(file, "it needs channel,units")
    for name in frame.columns:
        if name not in CURRENT:
            near = did_you_mean(str(name), CURRENT)
            raise AimloopError(f"{file} has a column '{name}'", f"{near}it may have {', '.join(CURRENT)}")
    for name in ("channel", "units"):
        if name not in frame:
            raise AimloopError(f"{file} lacks the column '{name}'", "it needs channel,units")
    units = pd.to_numeric(frame["units"], errors="coerce")
    wrong = (units.isna() | (units < 0) | (units > MOST)).to_numpy()
    if wrong.any():
        row = int(wrong.argmax())
        raise AimloopError(
            f"{file} line {lines_of(file)[row]}, column 'units': '{frame['units'].iloc[row]}'",
            "write a number of 0 or more",
        )
    return frame.assign(units=units.astype(float))


@contextmanager
def explained_problem(channels: Path | None, current: Path | None = None) -> Iterator[None]:
    """What a budget refuses, as advice; a row of a table is told by the line of its file.

    Raises:
        AimloopError: in place of what models raise.
    """
    try:
        yield
    except BadProblem as error:
        file = {"channels": channels, "current": current}.get(error.table)
        if file is None:
            place = error.table if error.row is None else f"{error.table} row {error.row + 1}"
            raise AimloopError(f"{place}, {error.column}: {error.what}", error.remedy) from None
        lines = lines_of(file)
        line = "" if error.row is None else f" line {lines[error.row]}"
        what = error.what if error.beside is None else f"{error.what} (line {lines[error.beside]})"
        raise AimloopError(f"{file}{line}, column '{error.column}': {what}", error.remedy) from None
    except Infeasible as reason:
        raise AimloopError(f"no budget plan: {reason}", "change the budget, or one of the limits named") from None
    except Unbounded as reason:
        raise AimloopError(f"no budget plan: {reason}", "give a budget, or max_units") from None
    except SolverFailed as reason:
        raise AimloopError(f"no budget plan: {reason}", "or set AIMLOOP_SOLVER (highs or cbc)") from None
