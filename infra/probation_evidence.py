"""What the log zone knows of a new champion beside the one before: before and after it took its place."""

from datetime import datetime, timedelta

import pandas as pd

from infra.experiment_evidence import BEHIND_SECONDS
from infra.intake.log_zone import open_log_zone
from infra.keys import Keys
from infra.state import State


def before_and_after(
    state: State, keys: Keys, model: str, tags: tuple[str, str], since: datetime, window: timedelta, now: datetime
) -> pd.DataFrame:
    """A row a customer and version of what was answered: pseudonym, is_new, asked, silent, seen, clicked, said.

    ``tags``: the champion before, from as long before ``since`` as the new one has been there (a week at least), and
    the new one. ``silent`` are rows of known customers that nothing was said of. ``seen`` are predictions whose
    outcomes are known by now, because ``window`` is over; ``said`` is the sum of their values.
    """
    before = since - max(now - since, timedelta(days=7))
    values = {
        "model": model,
        "old": tags[0],
        "new": tags[1],
        "since": since,
        "before": before,
        "window": window,
        "behind": timedelta(seconds=BEHIND_SECONDS),
        "now": now,
    }
    with open_log_zone(state, keys) as connection:
        return connection.execute(_ROWS, values).df()


_ROWS = """
WITH said AS (
    SELECT prediction_id, pseudonym, predicted_at, version = $new AS is_new, value
         , is_known AND value IS NULL AND label IS NULL AS is_silent
         , predicted_at + $window <= $now AS is_over
    FROM log.predictions
    WHERE model = $model AND is_answered AND pseudonym IS NOT NULL
        AND ((version = $new AND predicted_at >= $since AND predicted_at <= $now)
             OR (version = $old AND predicted_at >= $before AND predicted_at < $since))
)
, clicks AS (
    SELECT DISTINCT said.prediction_id
    FROM said INNER JOIN log.outcomes AS outcomes USING (prediction_id)
    WHERE kind = 'clicked' AND reported_at <= $now
        AND least(occurred_at, reported_at) >= said.predicted_at - $behind
        AND least(occurred_at, reported_at) < said.predicted_at + $window
)
SELECT said.pseudonym, is_new
     , count(*) AS asked
     , count(*) FILTER (is_silent) AS silent
     , count(*) FILTER (is_over) AS seen
     , count(clicks.prediction_id) FILTER (is_over) AS clicked
     , coalesce(sum(value) FILTER (is_over), 0) AS said
FROM said LEFT JOIN clicks USING (prediction_id)
GROUP BY ALL
ORDER BY ALL
"""
