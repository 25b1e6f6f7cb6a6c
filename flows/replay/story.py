"""Replay: real cycles in order in simulated time, each followed by its block of real impressions through the service.

One process, one Prefect server and one service serve the whole replay. Each piece of work (a step of a cycle, a day's
answers, an evening's look) is kept when it is done: killed at any moment, the same command goes on from there. All that
is decided follows from the data, the seed and the settings; no clock is read.
"""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from flows.context import Cycle, Door, open_cycle, open_door, simulated
from flows.cycle import cycle
from flows.ingest import land
from flows.progress import timed
from flows.replay import compared, nest, report, shown
from flows.replay.block import Known, Walk, score_pairs, walk, wanted_since
from flows.replay.pieces import Pieces
from flows.replay.plan import Block, Plan
from flows.replay.service import Service, served
from infra.intake import raw_zone
from infra.settings import Settings
from infra.sources import planted_changes

CTR = "ctr"


class Teller(Protocol):
    """Whoever shows how far a replay is."""

    def cycle(self, block: Block) -> None: ...
    def day(self, block: Block, days: int, line: str) -> None: ...
    def done(self, block: Block, line: str, *, is_new: bool) -> None: ...


def prepare(plan: Plan, folder: Path, real: Settings) -> None:
    """Plant the changes in a copy of the data, land it once, and see that the plan lies within it.

    It is landed by today's clock: one of the past would set aside what came later.

    Raises:
        AimloopError: it does not; says the range.
    """
    if plan.injections and not (nest.source_folder(folder) / "transactions.parquet").exists():
        changes = [(change.kind, change.at) for change in plan.injections]
        planted_changes.plant(real, changes, nest.source_folder(folder))
    door = open_door(source=plan.source)
    timed("land", lambda: {"line": f"{sum(table.accepted for table in land(door)):,} rows, as they are known today"})
    plan.refuse_outside(*(end.tz_localize(None) for end in raw_zone.data_range(door.state, door.keys)))


def replay(plan: Plan, folder: Path, teller: Teller) -> dict[str, Any]:
    """Walk through the plan from wherever it stands; returns the report's document."""
    pieces = Pieces(folder / nest.FOLDER)
    known = Known(pieces)
    with ExitStack() as stack:
        services = _Services(stack, folder / nest.FOLDER / "service.log")
        for block in plan.blocks():
            noted = pieces.noted(pieces.facts(block.number))
            found = noted or play(plan, block, services, pieces, known, teller)
            if noted is None:
                pieces.note(pieces.facts(block.number), found)
            teller.done(block, found["line"], is_new=noted is None)
    return report.write(plan, open_door(source=plan.source), pieces)


class _Services:
    """The one service of the replay, started when it is first needed."""

    def __init__(self, stack: ExitStack, log: Path) -> None:
        self._stack, self._log = stack, log
        self._service: Service | None = None

    def get(self, door: Door) -> Service:
        if self._service is None:
            self._service = self._stack.enter_context(served(door, self._log))
        return self._service


def play(plan: Plan, block: Block, services: _Services, pieces: Pieces, known: Known, teller: Teller) -> dict[str, Any]:
    """One cycle and the block after it."""
    teller.cycle(block)
    began = time.monotonic()
    with simulated(block.since.to_pydatetime()):
        summary = cycle(block.since.to_pydatetime(), plan.source)
        this = open_cycle(summary["cycle"]["id"])
    seconds = {"cycle": round(time.monotonic() - began, 3)}
    rows, why = _to_ask(this, block, summary["models"].get(CTR, {}).get("line", "no version yet"))
    score_pairs(this, block, pieces)
    known.have(plan.blocks()[: block.number], wanted_since(this.door, block))
    service = services.get(this.door) if len(rows) else None
    walk(Walk(this, service, pieces, known, teller.day), block, rows)
    facts = {"cycle": this.id, "as_of": block.since, "rows": len(rows), "visits": 0, "line": why}
    if len(rows):
        gap = compare(this, block, pieces, rows)
        visits = int(rows["visit"].nunique())
        line = f"{len(rows):,} placements in {visits:,} visits asked; service and batch differ by {gap:.0e} at most"
        facts |= {"line": line, "visits": visits, "largest_gap": gap}
    return facts | {"seconds": seconds | {"block": round(time.monotonic() - began - seconds["cycle"], 3)}}


def _to_ask(this: Cycle, block: Block, line: str) -> tuple[pd.DataFrame, str]:
    """What was shown in a block, if there is a version to ask about it; else why nothing is asked."""
    rows = shown.shown_in(this.door, block)
    if this.door.ledger.champion(CTR) is None:
        return rows.head(0), f"nothing is asked: ctr {line}"
    return rows, "nothing is asked: nothing that could be was shown"


def compare(this: Cycle, block: Block, pieces: Pieces, rows: pd.DataFrame) -> float:
    """What other policies would have said of the same rows; the largest difference of service and batch."""
    answers = pd.concat([pd.read_parquet(pieces.day(block.number, day)) for day, _ in block.days], ignore_index=True)
    visits, gap = compared.visits_of(this, rows, answers)
    pieces.write(pieces.visits(block.number), visits.assign(block=block.number))
    return gap
