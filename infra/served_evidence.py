"""What a version answered, as services logged it, beside what came of it: for how well it does where it is used."""

from datetime import datetime, timedelta

import pandas as pd

from infra.experiment_evidence import BEHIND_SECONDS, IN_ITS_TIME
from infra.intake.log_zone import open_log_zone
from infra.keys import Keys
from infra.state import State


def clicks(
    state: State, keys: Keys, version: str, since: datetime, window: timedelta, now: datetime, of_shown: bool, rows: int
) -> pd.DataFrame:
    """pseudonym, predicted, actual (0 or 1) of answers since ``since`` whose attribution ``window`` is over.

    At most so many ``rows``, always the same ones; none as long as nothing at all was reported of them. ``of_shown``:
    those that were shown or clicked alone. Instants are naive UTC.
    """
    values = {
        "version": version,
        "since": since,
        "window": window,
        "now": now,
        "behind": timedelta(seconds=BEHIND_SECONDS),
        "of_shown": of_shown,
        "rows": rows,
    }
    with open_log_zone(state, keys) as connection:
        return connection.execute(_CLICKS, values).df()


def scores(state: State, keys: Keys, version: str, since: datetime) -> pd.DataFrame:
    """pseudonym, as_of, predicted: what was last answered of each customer as known at ``as_of``, from ``since`` on."""
    with open_log_zone(state, keys) as connection:
        return connection.execute(_SCORES, {"version": version, "since": since}).df()


_CLICKS = f"""
WITH said AS (
    SELECT prediction_id, pseudonym, predicted_at, value
    FROM log.predictions
    WHERE version = $version AND is_answered AND value IS NOT NULL AND pseudonym IS NOT NULL
        AND predicted_at >= $since AND predicted_at + $window <= $now
)
, came AS (
    SELECT said.prediction_id
         , bool_or(kind IN ('shown', 'clicked')) AS is_seen
         , bool_or(kind = 'clicked' AND {IN_ITS_TIME}) AS is_clicked
    FROM said INNER JOIN log.outcomes AS outcomes USING (prediction_id)
    WHERE reported_at <= $now
    GROUP BY said.prediction_id
)
SELECT pseudonym, value AS predicted, CAST(coalesce(is_clicked, false) AS DOUBLE) AS actual
FROM said LEFT JOIN came USING (prediction_id)
WHERE (coalesce(is_seen, false) OR NOT $of_shown) AND EXISTS (FROM came)
ORDER BY hash(prediction_id), prediction_id
LIMIT $rows
"""

_SCORES = """
SELECT pseudonym, as_of, arg_max(value, predicted_at) AS predicted
FROM log.predictions
WHERE version = $version AND is_answered AND value IS NOT NULL AND pseudonym IS NOT NULL AND as_of >= $since
GROUP BY ALL
ORDER BY ALL
"""
