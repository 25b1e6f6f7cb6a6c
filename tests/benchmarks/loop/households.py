"""Real households of the default data: what they were shown and clicked, before an experiment and while it ran."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from infra.settings import load
from infra.sources import complete_journey

Array = npt.NDArray[np.float64]

STRETCHES = 200
BEFORE_DAYS = 56
FIRST_DAY = "2017-01-01"
DAYS = 364


@dataclass(frozen=True)
class Households:
    """Weighted impressions and clicks: ``before`` by household, the others by household and stretch.

    ``days`` is the end of each stretch, counted from the experiment's start.
    """

    names: list[str]
    before_units: Array
    before_clicks: Array
    units: Array
    clicks: Array
    days: Array


def read(folder: Path) -> Households:
    """The sampled impressions of a year: 56 days before, and then 200 stretches of a day and a half."""
    raw = {table.name: table for table in complete_journey.tables(load({}, folder))}["impressions"]
    length = (DAYS - BEFORE_DAYS) / STRETCHES
    with duckdb.connect() as connection:
        for name, frame in raw.frames.items():
            connection.register(name, frame)
        rows = connection.execute(
            f"""
            WITH seen AS (
                SELECT customer_id, epoch(shown_at - TIMESTAMP '{FIRST_DAY}') / 86400 AS day, sampling_weight, clicked
                FROM ({raw.relation})
            )
            SELECT customer_id, greatest(floor((day - {BEFORE_DAYS}) / {length}), -1)::INTEGER AS stretch,
                   sum(sampling_weight) AS units, sum(clicked::INTEGER)::DOUBLE AS clicks
            FROM seen WHERE day >= 0 AND day < {DAYS} GROUP BY ALL
            ORDER BY ALL"""
        ).df()
    customers, names = pd.factorize(rows["customer_id"])
    place = customers * (STRETCHES + 1) + rows["stretch"].to_numpy() + 1
    shape = (len(names), STRETCHES + 1)
    units, clicks = (np.bincount(place, rows[name], shape[0] * shape[1]).reshape(shape) for name in ("units", "clicks"))
    days = length * np.arange(1, STRETCHES + 1)
    return Households(names.tolist(), units[:, 0], clicks[:, 0], units[:, 1:], clicks[:, 1:], days)
