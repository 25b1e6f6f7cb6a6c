"""The whole loop, once: from what the source holds to scores, services, a plan and a drift verdict."""

from datetime import datetime
from typing import Any

from prefect import flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.allocate import allocate
from flows.arrivals import begin, land, prepare
from flows.challenge import challenge
from flows.context import now, open_door
from flows.package import package
from flows.progress import once
from flows.publish import forget_publication_of_an_empty_store, publish
from flows.retrain import answer_requests
from flows.score import score
from flows.summary import summarise
from flows.train import train
from flows.watch import watch


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
        this = begin(door, land(door))
        prepare(this, full_refresh)
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
