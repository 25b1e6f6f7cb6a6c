"""What the log zone knows of choices by chance: what was shown, how probably, and what each version would have shown.

In the shadow both versions score all that a request asks about, and the application shows one of it. Where it says with
which chance, what the challenger would have earned can be told before it answers anybody (`monitoring.off_policy`).

A request is what one customer was asked about at once: the application's request id, which may come again, with the
instant of the answer. Outcomes count as in `infra.experiment_evidence`: within the window, by the report's instant
where a clock is ahead, from `BEHIND_SECONDS` before the prediction on. What was clicked has been shown.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pandera.typing.pandas import DataFrame

from infra.experiment_evidence import BEHIND_SECONDS, IN_ITS_TIME, Counts
from infra.experiments import Experiment
from infra.intake.log_zone import open_log_zone
from infra.keys import Keys
from infra.loop_contracts import FirstChoices
from infra.state import State
from infra.warehouse import checked


@dataclass(frozen=True)
class Choices:
    """A row for each request that counts; ``requests``: of those that something was reported shown of with a chance,
    how many count, and of the others why not.
    """

    rows: DataFrame[FirstChoices]
    requests: Counts


def first_choices(state: State, keys: Keys, experiment: Experiment, window: timedelta, now: datetime) -> Choices:
    """Requests since the experiment began that both versions scored and that showed one row, with a reported chance.

    What a request is expected to earn is the champion's value. It was trained before the experiment began: it has not
    learned from these requests.
    """
    named = {
        "model": experiment.model,
        "champion": experiment.champion,
        "challenger": experiment.challenger,
        "since": experiment.started_at,
        "now": now,
        "window": window,
        "behind": timedelta(seconds=BEHIND_SECONDS),
    }
    with open_log_zone(state, keys) as connection:
        connection.execute(_REQUESTS, named)
        found = dict(connection.execute("SELECT fate, count(*) FROM requests GROUP BY fate ORDER BY fate").fetchall())
        columns = ", ".join(FirstChoices.to_schema().columns)
        rows = connection.execute(
            f"SELECT {columns} FROM requests WHERE fate = 'counted' ORDER BY predicted_at, application, request_id, 1"
        ).df()
    return Choices(checked(FirstChoices, rows, "first choices", in_place=True), Counts(found.pop("counted", 0), found))


# Of rows that a version scores alike it ranks first what was asked about first: ids of predictions go up, in hex.
_ASKED = "length(prediction_id), prediction_id"

_REQUESTS = f"""
CREATE OR REPLACE TEMP TABLE requests AS
WITH outcomes AS (
    FROM log.outcomes
    UNION ALL BY NAME  -- a zone of an older version, opened to be read alone, lacks the column
    SELECT CAST(NULL AS DOUBLE) AS propensity WHERE false
)
, chances AS (
    SELECT DISTINCT prediction_id FROM outcomes
    WHERE kind = 'shown' AND propensity IS NOT NULL AND reported_at BETWEEN $since AND $now
)
, asked AS (
    SELECT DISTINCT application, request_id, predicted_at
    FROM log.predictions SEMI JOIN chances USING (prediction_id)
    WHERE model = $model AND predicted_at >= $since
)
, scored AS (
    SELECT application, request_id, predicted_at, pseudonym, prediction_id
         , any_value(value) FILTER (variant = 'champion' AND version = $champion) AS champion
         , any_value(value) FILTER (variant = 'challenger' AND version = $challenger) AS challenger
    FROM log.predictions SEMI JOIN asked USING (application, request_id, predicted_at)
    WHERE model = $model
    GROUP BY ALL
)
, came AS (
    SELECT prediction_id
         , first(propensity ORDER BY reported_at, outcome_id)
               FILTER (kind = 'shown' AND propensity IS NOT NULL) AS propensity
         , bool_or(kind IN ('shown', 'clicked')) AS is_seen
         , bool_or(kind = 'clicked') AS is_clicked
    FROM scored INNER JOIN outcomes USING (prediction_id)
    WHERE reported_at <= $now AND {IN_ITS_TIME}
    GROUP BY prediction_id
)
, by_request AS (
    SELECT application, request_id, predicted_at, pseudonym
         , bool_or(chances.prediction_id IS NOT NULL) AS has_chance
         , bool_and(champion IS NOT NULL AND challenger IS NOT NULL) AS is_scored
         , count(*) FILTER (is_seen) AS seen
         , any_value(scored.prediction_id) FILTER (propensity IS NOT NULL) AS shown
         , any_value(propensity) AS propensity
         , coalesce(bool_or(is_clicked), false) AS is_clicked
         , any_value(champion) FILTER (propensity IS NOT NULL) AS expected
         , first(scored.prediction_id ORDER BY champion DESC, {_ASKED}) AS champions
         , first(scored.prediction_id ORDER BY challenger DESC, {_ASKED}) AS challengers
         , first(champion ORDER BY champion DESC, {_ASKED}) AS expected_of_champions
         , first(champion ORDER BY challenger DESC, {_ASKED}) AS expected_of_challengers
    FROM scored
    LEFT JOIN came USING (prediction_id)
    LEFT JOIN chances USING (prediction_id)
    GROUP BY ALL
)
SELECT *
     , CAST(is_clicked AS DOUBLE) AS clicked
     , shown = champions AS is_champions
     , shown = challengers AS is_challengers
     , CASE WHEN predicted_at > $now THEN 'of the future (a clock is ahead)'
            WHEN pseudonym IS NULL THEN 'of customers whose pseudonym is lost'
            WHEN NOT is_scored THEN 'that not both versions scored'
            WHEN predicted_at + $window > $now THEN 'whose outcomes may still come'
            WHEN seen > 1 THEN 'that showed several'
            WHEN propensity IS NULL THEN 'that showed it outside of the window'
            ELSE 'counted' END AS fate
FROM by_request
WHERE has_chance
"""
