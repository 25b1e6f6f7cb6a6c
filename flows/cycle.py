"""The whole loop, once: from what the source holds to scores, services, a plan and a drift verdict."""

from datetime import datetime
from typing import Any

from prefect import flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.allocate import allocate
from flows.context import begin_cycle, now, open_door
from flows.ingest import ingest
from flows.marts import marts
from flows.package import package
from flows.progress import once, timed
from flows.publish import publish
from flows.quality import quality
from flows.score import score
from flows.summary import summarise
from flows.train import train
from flows.watch import watch
from infra import raw_zone


@flow(name="cycle")
def cycle(as_of: datetime | None = None, source: str | None = None) -> dict[str, Any]:
    """Run one marketing cycle. Safe to repeat: finished steps are found in the ledger and left alone.

    Args:
        as_of: the instant (UTC) the cycle knows the world up to; default: the end of the data.
        source: where raw tables come from; default: the setting.
    """
    door = open_door(as_of=as_of, source=source)
    # Ending a flow's heartbeat takes up to a second; the cycle's own beats for all of its steps.
    with door.state.lock(), temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        landed, seconds = timed("ingest", lambda: ingest(door.settings.source))
        this = begin_cycle(door)
        landed["after_as_of"] = raw_zone.rows_after(door.state, door.keys, this.as_of)
        door.ledger.finish_step(this.id, "ingest", round(seconds, 3), landed)
        once(this, "quality", quality)
        if not this.generation.path.exists():  # another cycle's publishing may have dropped it
            door.ledger.forget_steps(this.id, "marts")
        once(this, "marts", marts)
        once(this, "train", train)
        once(this, "score", score)
        once(this, "publish", publish)
        once(this, "package", package)
        once(this, "allocate", allocate)
        once(this, "watch", watch)
        door.ledger.finish_cycle(this.id, now())
    return summarise(this.door, this.id)
