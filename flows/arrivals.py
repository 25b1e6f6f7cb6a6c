"""Arrivals: the first steps of every cycle, from what the source holds to marts that can be looked at and learned from.

The daily watch takes them too, so that it sees what the last cycle has not; whoever trains on it finds them done.
"""

import logging
from dataclasses import dataclass
from typing import Any

from flows import forget
from flows.context import Cycle, Door, begin_cycle, choose_as_of, open_door
from flows.ingest import ingest
from flows.marts import marts
from flows.progress import once, timed
from flows.quality import quality
from infra import warehouse
from infra.erasing import people
from infra.errors import reason_of
from infra.intake import raw_zone
from infra.state import Busy


@dataclass(frozen=True)
class Newest:
    """The newest world that can be looked at.

    ``trouble``: why it is not what the source holds now; ``is_busy``: because a cycle is running, which looks itself.
    """

    cycle: Cycle
    trouble: str | None = None
    is_busy: bool = False


def finish_erasure(door: Door) -> dict[str, Any]:
    """An erasure that was cut short comes before anything else."""
    return {"line": f"{len(forget.finish(door))} people erased: an erasure had been cut short"}


def land(door: Door) -> tuple[dict[str, Any], float]:
    """What landed, and how long it took."""
    if people.pending(door.state, door.keys):
        timed("forget", lambda: finish_erasure(door))
    return timed("ingest", lambda: ingest(door.settings.source))


def begin(door: Door, landed: tuple[dict[str, Any], float], *, is_asked_for: bool = True) -> Cycle:
    """The cycle of what has landed, with its first step recorded."""
    result, seconds = landed
    this = begin_cycle(door, is_asked_for=is_asked_for)
    result["after_as_of"] = raw_zone.rows_after(door.state, door.keys, this.as_of)
    door.ledger.finish_step(this.id, "ingest", round(seconds, 3), result)
    return this


def prepare(this: Cycle, full_refresh: bool = False) -> None:
    """Judge the data and build the marts, unless that is done."""
    once(this, "quality", quality)
    if full_refresh or not this.generation.path.exists():  # another cycle's publishing may have dropped it
        this.door.ledger.forget_steps(this.id, "marts")
    once(this, "marts", lambda cycle_id: marts(cycle_id, full_refresh))


def newest(published: Cycle) -> Newest:
    """A cycle of what has arrived since the published one, as far as marts; that one where nothing has.

    Nothing is published, nor shown as the last cycle. Whatever goes wrong, the published world can be looked at.
    """
    door = published.door
    try:
        if open_door().settings.source != door.settings.source:  # that cycle was run by hand on another source
            return Newest(published)
        with door.state.lock(door.settings.experiments.patience_seconds):
            landed = land(door)
            if choose_as_of(door) <= published.as_of:
                return Newest(published)
            this = begin(door, landed, is_asked_for=False)
            prepare(this)
            warehouse.drop_old(door.state)
    except Busy as busy:
        return Newest(published, busy.what, is_busy=True)
    except Exception as error:  # a source that is away must not keep anybody from looking at what is there
        logging.getLogger(__name__).exception("what is new cannot be looked at")
        return Newest(published, reason_of(error))
    return Newest(this)
