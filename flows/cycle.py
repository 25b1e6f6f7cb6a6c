"""The whole loop, once: from what the source holds to scores, services, a plan and a drift verdict."""

from datetime import datetime
from typing import Any

from prefect import flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows import forget
from flows.allocate import allocate
from flows.challenge import challenge
from flows.context import Door, begin_cycle, now, open_door
from flows.ingest import ingest
from flows.marts import marts
from flows.package import package
from flows.progress import once, timed
from flows.publish import forget_publication_of_an_empty_store, publish
from flows.quality import quality
from flows.retrain import answer_requests
from flows.score import score
from flows.summary import summarise
from flows.train import train
from flows.watch import watch
from infra.erasing import people
from infra.intake import raw_zone


def finish_erasure(door: Door) -> dict[str, Any]:
    """An erasure that was cut short comes before anything else."""
    return {"line": f"{len(forget.finish(door))} people erased: an erasure had been cut short"}


@flow(name="cycle")
def cycle(as_of: datetime | None = None, source: str | None = None, full_refresh: bool = False) -> dict[str, Any]:
    """Run one marketing cycle. Safe to repeat: finished steps are found in the ledger and left alone.

    Args:
        as_of: the instant (UTC) the cycle knows the world up to; default: the end of the data.
        source: where raw tables come from; default: the setting.
        full_refresh: compute every snapshot anew, whatever earlier generations hold.
    """
    door = open_door(as_of=as_of, source=source)
    # Ending a flow's heartbeat takes up to a second; the cycle's own beats for all of its steps.
    with door.state.lock(), temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        if people.pending(door.state, door.keys):
            timed("forget", lambda: finish_erasure(door))
        landed, seconds = timed("ingest", lambda: ingest(door.settings.source))
        this = begin_cycle(door)
        landed["after_as_of"] = raw_zone.rows_after(door.state, door.keys, this.as_of)
        door.ledger.finish_step(this.id, "ingest", round(seconds, 3), landed)
        once(this, "quality", quality)
        if full_refresh or not this.generation.path.exists():  # another cycle's publishing may have dropped it
            door.ledger.forget_steps(this.id, "marts")
        once(this, "marts", lambda cycle_id: marts(cycle_id, full_refresh))
        once(this, "train", train)
        once(this, "challenge", challenge)
        once(this, "score", score)
        forget_publication_of_an_empty_store(this)
        once(this, "publish", publish)
        once(this, "package", package)
        once(this, "allocate", allocate)
        once(this, "watch", watch)
        answer_requests(this)
        door.ledger.finish_cycle(this.id, now())
    return summarise(this.door, this.id)
