"""What was really shown to whom, drawn from a state folder's raw zone in the proportion in which it occurred."""

from typing import NamedTuple

import numpy as np

from flows.context import Door
from infra.errors import AimloopError
from infra.intake.raw_zone import open_raw_zone

DAYS = 28


class Shown(NamedTuple):
    """One impression, by the company's own ids."""

    customer_id: str
    product_id: str
    channel: str | None
    placement: str | None


def drawn(door: Door, rows: int, seed: int = 0) -> list[Shown]:
    """Impressions of the last ``DAYS`` of the data, drawn with replacement by what each kept row stands for.

    Raises:
        AimloopError: there are none.
    """
    with open_raw_zone(door.state, door.keys) as zone:
        found = zone.execute(
            f"""SELECT customer_id, product_id, channel, placement, coalesce(sampling_weight, 1) AS weight
                FROM raw.impressions
                WHERE shown_at > (SELECT max(shown_at) FROM raw.impressions) - INTERVAL {DAYS} DAY
                ORDER BY impression_id"""
        ).fetchall()
    if not found:
        raise AimloopError("no impressions have landed", "choose a state folder whose data has some")
    weights = np.array([row[-1] for row in found], dtype=float)
    chosen = np.random.default_rng(seed).choice(len(found), rows, p=weights / weights.sum())
    return [Shown(*found[position][:4]) for position in chosen]
