"""What the log zone knows of a new champion beside the one before: before and after it took its place."""

from datetime import datetime, timedelta

import pandas as pd

from infra.experiment_evidence import BEHIND_SECONDS, IN_ITS_TIME
from infra.intake.log_zone import open_log_zone
from infra.keys import Keys
from infra.state import State


def before_and_after(
    state: State,
    keys: Keys,
    model: str,
    tags: tuple[str, str],
    since: datetime,
    window: timedelta,
    now: datetime,
    *,
    of_shown: bool,
) -> pd.DataFrame:
    """A row a customer and version: pseudonym, is_new, and counts of what it was asked and what came of it.

    ``tags``: the champion before, from as long before ``since`` as the new one has been there (a week at least), and
    the new one. asked; silent: rows of known customers that nothing was said of. Of those asked whose outcomes are
    known by now, because ``window`` is over: answered; reported (of which anything was, at whatever time); seen (all of
    them, or ``of_shown`` those shown or clicked), clicked, said (the sum of values of those seen); converted (of which
    a purchase came), revenue. Instants are naive UTC; outcomes count as in `infra.experiment_evidence`.
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
        "of_shown": of_shown,
    }
    with open_log_zone(state, keys) as connection:
        return connection.execute(_ROWS, values).df()


# What the champion failed to answer is in the log as well, without a value; a challenger's shadow is not its business.
_ROWS = f"""
WITH said AS (
    SELECT prediction_id, pseudonym, predicted_at, version = $new AS is_new, value
         , is_known AND value IS NULL AND label IS NULL AS is_silent
         , predicted_at + $window <= $now AS is_over
    FROM log.predictions
    WHERE model = $model AND (is_answered OR variant = 'champion') AND pseudonym IS NOT NULL
        AND ((version = $new AND predicted_at >= $since AND predicted_at <= $now)
             OR (version = $old AND predicted_at >= $before AND predicted_at < $since))
)
, timed AS (
    SELECT said.prediction_id, kind, revenue, {IN_ITS_TIME} AS counts
    FROM said INNER JOIN log.outcomes AS outcomes USING (prediction_id)
    WHERE reported_at <= $now
)
, came AS (
    SELECT prediction_id
         , coalesce(bool_or(counts AND kind IN ('shown', 'clicked')), false) AS is_shown
         , coalesce(bool_or(counts AND kind = 'clicked'), false) AS is_clicked
         , coalesce(bool_or(counts AND kind = 'converted'), false) AS is_converted
         , coalesce(sum(revenue) FILTER (counts AND kind = 'converted'), 0) AS revenue
    FROM timed GROUP BY prediction_id
)
, credited AS (
    SELECT said.*, came.prediction_id IS NOT NULL AS is_reported
         , coalesce(is_shown, false) OR NOT $of_shown AS is_seen
         , coalesce(is_clicked, false) AS is_clicked
         , coalesce(is_converted, false) AS is_converted
         , coalesce(revenue, 0) AS revenue
    FROM said LEFT JOIN came USING (prediction_id)
)
SELECT pseudonym, is_new
     , count(*) AS asked
     , count(*) FILTER (is_silent) AS silent
     , count(*) FILTER (is_over) AS answered
     , count(*) FILTER (is_over AND is_reported) AS reported
     , count(*) FILTER (is_over AND is_seen) AS seen
     , count(*) FILTER (is_over AND is_clicked) AS clicked
     , coalesce(sum(value) FILTER (is_over AND is_seen), 0) AS said
     , count(*) FILTER (is_over AND is_converted) AS converted
     , coalesce(sum(revenue) FILTER (is_over), 0) AS revenue
FROM credited
GROUP BY ALL
ORDER BY ALL
"""
