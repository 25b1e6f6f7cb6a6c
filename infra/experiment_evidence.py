"""What the log zone knows of an experiment: what came of each variant, failures, and rows that both versions scored.

A prediction belongs to the step of the ramp whose share its logged propensity names, not to the one that the clock
does: services take a change up within a second or so. It belongs to the variant that its customer was dealt: one that
the champion answered because the challenger failed stays the challenger's. It counts once its attribution window is
over, so that what is counted of it hardly changes any more.

An outcome counts for its prediction if it occurred within that window. It cannot have occurred after it was reported:
where an application's clock is ahead, the report's instant counts. Applications' clocks may be a little behind: an
outcome from up to `BEHIND_SECONDS` before its prediction counts too. Seen and clicked count once a prediction, the
first report that is in time; purchases add up. What is left out is counted by the reason why.

Failures are counted by request: all rows of one fail together, so that rows are no evidence of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from infra.experiments import Experiment
from infra.intake.log_zone import open_log_zone
from infra.keys import Keys
from infra.state import State
from infra.warehouse import Connection

BEHIND_SECONDS = 300
# of an outcome beside the prediction that it is of, with $behind and $window: whether it counts for it
IN_ITS_TIME = """(least(occurred_at, reported_at) >= predicted_at - $behind
           AND least(occurred_at, reported_at) < predicted_at + $window)"""


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """Which outcomes count. ``of_shown``: a click rate is per prediction that was shown, else per one answered."""

    days: float
    before_days: float
    of_shown: bool = False


@dataclass(frozen=True)
class Counts:
    """Of predictions, or of reported outcomes: how many count, and of the others why not; together all of them."""

    counted: int
    left_out: Mapping[str, int]

    @property
    def total(self) -> int:
        return self.counted + sum(self.left_out.values())

    def words(self, what: str) -> str:
        others = ", ".join(f"{count:,} {why}" for why, count in self.left_out.items() if count)
        return f"{self.counted:,} of {self.total:,} {what} count" + (f"; left out: {others}" if others else "")


@dataclass(frozen=True)
class Logged:
    """``customers``: pseudonym, step, variant, seen, clicked, purchases, revenue, and the same of the stretch before as
    ``before_…``, as it was known when the experiment began; empty where there was none.
    """

    customers: pd.DataFrame
    predictions: Counts
    outcomes: Counts
    clocks_ahead: int


def arms(state: State, keys: Keys, experiment: Experiment, rule: Attribution, now: datetime) -> Logged:
    """What came of what each variant answered, by customer and step of the ramp."""
    with open_log_zone(state, keys) as connection:
        _prepare(connection, experiment, rule, now)
        customers = connection.execute(_BY_CUSTOMER).df()
        predictions = _counts(connection, "SELECT fate, count(*) FROM said WHERE NOT is_before GROUP BY fate")
        outcomes = _counts(connection, "SELECT fate, count(*) FROM came GROUP BY fate")
        ahead = connection.execute("SELECT count(*) FROM came WHERE fate = 'counted' AND is_ahead").fetchone() or (0,)
    return Logged(customers, predictions, outcomes, int(ahead[0]))


def failures(state: State, keys: Keys, experiment: Experiment, now: datetime) -> tuple[int, int]:
    """Requests of which the challenger could not answer a row, or not in time, of how many it was asked.

    What the champion could not answer either does not count, nor what a challenger was passed over for.
    """
    with open_log_zone(state, keys) as connection:
        found = connection.execute(_FAILURES, _named(experiment, now)).fetchone() or (0, 0)
    return int(found[0]), int(found[1])


def answered(state: State, keys: Keys, experiment: Experiment, now: datetime) -> int:
    """Requests that the challenger has answered at its present share; in the shadow, that it scored."""
    chance = {"chance": 1.0 if experiment.is_shadow else experiment.share}
    with open_log_zone(state, keys) as connection:
        found = connection.execute(_ANSWERED, _named(experiment, now) | chance).fetchone() or (0,)
    return int(found[0])


def scored_by_both(state: State, keys: Keys, experiment: Experiment, now: datetime) -> pd.DataFrame:
    """pseudonym, as_of, champion, challenger: what both said of a customer as known at ``as_of``, once each."""
    with open_log_zone(state, keys) as connection:
        return connection.execute(_PAIRS, _named(experiment, now)).df()


def _named(experiment: Experiment, now: datetime) -> dict[str, Any]:
    return {
        "model": experiment.model,
        "champion": experiment.champion,
        "challenger": experiment.challenger,
        "since": experiment.started_at,
        "now": now,
    }


def _prepare(connection: Connection, experiment: Experiment, rule: Attribution, now: datetime) -> None:
    """Make the tables ``steps``, ``said`` (a row a prediction) and ``came`` (a row a reported outcome)."""
    steps = pd.DataFrame([(n, step.share) for n, step in enumerate(experiment.steps)], columns=["step", "share"])
    connection.register("given_steps", steps)
    connection.execute("CREATE OR REPLACE TEMP TABLE steps AS FROM given_steps WHERE share > 0")
    connection.unregister("given_steps")
    window = timedelta(days=rule.days)
    first = experiment.started_at - timedelta(days=rule.before_days)
    connection.execute(_SAID, _named(experiment, now) | {"first": first, "window": window})
    behind = timedelta(seconds=BEHIND_SECONDS)
    named = {"since": experiment.started_at, "now": now, "window": window, "behind": behind}
    connection.execute(_CAME, named)
    before = {"since": experiment.started_at, "window": window, "behind": behind}
    connection.execute(_CREDITED, before | {"of_shown": rule.of_shown})


def _counts(connection: Connection, query: str) -> Counts:
    found = {str(fate): int(count) for fate, count in connection.execute(f"{query} ORDER BY fate").fetchall()}
    return Counts(found.pop("counted", 0), found)


_SAID = """
CREATE OR REPLACE TEMP TABLE said AS
WITH found AS (
    SELECT prediction_id
         , any_value(pseudonym) AS pseudonym
         , min(predicted_at) AS predicted_at
         , bool_or(is_answered) AS is_answered
         , bool_and(version IN ($champion, $challenger)) AS is_theirs
         -- in the shadow a challenger's row has the propensity 1, which no share is
         , if(bool_or(variant = 'challenger' AND propensity < 1), 'challenger', 'champion') AS variant
         , coalesce(max(propensity) FILTER (variant = 'challenger' AND propensity < 1), 1 - min(propensity)) AS share
    FROM log.predictions
    WHERE model = $model AND predicted_at >= $first
    GROUP BY prediction_id
)
, placed AS (
    SELECT found.*, steps.step, predicted_at < $since AS is_before
    FROM found LEFT JOIN steps ON abs(found.share - steps.share) < 1e-9
)
SELECT *
     , CASE WHEN predicted_at > $now THEN 'of the future (a clock is ahead)'
            WHEN pseudonym IS NULL THEN 'of customers whose pseudonym is lost'
            WHEN is_before THEN 'before'
            WHEN NOT is_theirs THEN 'by another version'
            WHEN step IS NULL THEN 'in the shadow'
            WHEN predicted_at + $window > $now THEN 'whose outcomes may still come'
            ELSE 'counted' END AS fate
FROM placed
"""

_CAME = """
CREATE OR REPLACE TEMP TABLE came AS
WITH timed AS (
    SELECT outcomes.*
         , least(occurred_at, reported_at) AS came_at
         , occurred_at > reported_at AS is_ahead
    FROM log.outcomes AS outcomes
    WHERE reported_at >= $since AND reported_at <= $now
)
, placed AS (
    SELECT timed.*
         , CASE WHEN known.prediction_id IS NULL THEN 'of unknown predictions'
                WHEN said.fate IS NULL OR said.fate <> 'counted' THEN 'of predictions that do not count'
                WHEN came_at < said.predicted_at - $behind THEN 'from before their prediction'
                WHEN came_at >= said.predicted_at + $window THEN 'too late'
                ELSE 'counted' END AS fate
    FROM timed
    LEFT JOIN said USING (prediction_id)
    LEFT JOIN (SELECT DISTINCT prediction_id FROM log.predictions) AS known USING (prediction_id)
)
SELECT prediction_id, kind, revenue, is_ahead
     -- turns are taken among those that would count: one that is too late takes none away from one in time
     , CASE WHEN fate = 'counted' AND kind <> 'converted'
             AND row_number() OVER (PARTITION BY prediction_id, kind, fate ORDER BY reported_at, outcome_id) > 1
            THEN 'told before' ELSE fate END AS fate
FROM placed
"""

# What came of each prediction that counts; of those before the experiment what came within the same window and was
# reported by its start: what a variant brings about must not be taken for what a customer was like before.
_CREDITED = f"""
CREATE OR REPLACE TEMP TABLE credited AS
WITH outcomes AS (
    SELECT prediction_id, kind, revenue FROM came WHERE fate = 'counted'
    UNION ALL
    SELECT said.prediction_id, kind, revenue
    FROM said INNER JOIN log.outcomes AS outcomes USING (prediction_id)
    WHERE said.fate = 'before'
      AND reported_at < $since
      AND {IN_ITS_TIME}
)
, by_prediction AS (
    SELECT prediction_id
         , bool_or(kind = 'shown') AS is_shown
         , bool_or(kind = 'clicked') AS is_clicked
         , count(*) FILTER (kind = 'converted') AS purchases
         , sum(revenue) FILTER (kind = 'converted') AS revenue
    FROM outcomes GROUP BY prediction_id
)
SELECT said.pseudonym, said.step, said.variant, said.is_before
     , if($of_shown, coalesce(is_shown OR is_clicked, false), true) AS is_seen
     , coalesce(is_clicked, false) AS is_clicked
     , coalesce(purchases, 0) AS purchases
     , coalesce(revenue, 0) AS revenue
FROM said LEFT JOIN by_prediction USING (prediction_id)
WHERE said.fate = 'counted' OR (said.fate = 'before' AND said.is_answered)
"""

_SUMS = """count(*) FILTER (is_seen) AS {0}seen, count(*) FILTER (is_clicked) AS {0}clicked
         , sum(purchases) AS {0}purchases, sum(revenue) AS {0}revenue"""

_BY_CUSTOMER = f"""
WITH during AS (
    SELECT pseudonym, step, variant, {_SUMS.format("")} FROM credited WHERE NOT is_before GROUP BY ALL
)
, before AS (
    SELECT pseudonym, {_SUMS.format("before_")} FROM credited WHERE is_before GROUP BY ALL
)
SELECT during.*, before.* EXCLUDE (pseudonym)
FROM during LEFT JOIN before USING (pseudonym)
ORDER BY pseudonym, step, variant
"""

# A caller may give every request the same id: its instant, to the microsecond, is its own. A latency of 0 says that the
# challenger was passed over (`bentos.patience`).
_REQUESTS = """
WITH by_row AS (
    SELECT request_id
         , predicted_at
         , prediction_id
         , bool_or(variant = 'challenger' AND version = $challenger AND latency_ms > 0) AS was_asked
         , bool_or(variant = 'challenger' AND (is_answered OR value IS NOT NULL OR label IS NOT NULL)) AS has_answered
         , bool_or(variant = 'champion' AND (value IS NOT NULL OR label IS NOT NULL)) AS champion_could
         , max(propensity) FILTER (variant = 'challenger') AS chance
    FROM log.predictions
    WHERE model = $model AND version IN ($champion, $challenger) AND predicted_at BETWEEN $since AND $now
    GROUP BY request_id, predicted_at, prediction_id
)
, by_request AS (
    SELECT bool_and(has_answered) AS has_answered, any_value(chance) AS chance
    FROM by_row
    WHERE was_asked AND (has_answered OR champion_could)
    GROUP BY request_id, predicted_at
)
"""
_FAILURES = f"{_REQUESTS} SELECT count(*) FILTER (NOT has_answered), count(*) FROM by_request"
_ANSWERED = f"{_REQUESTS} SELECT count(*) FROM by_request WHERE has_answered AND abs(chance - $chance) < 1e-9"

_PAIRS = """
WITH both_said AS (
    SELECT prediction_id
         , any_value(pseudonym) AS pseudonym
         , any_value(as_of) AS as_of
         , min(predicted_at) AS predicted_at
         , any_value(value) FILTER (variant = 'champion' AND version = $champion) AS champion
         , any_value(value) FILTER (variant = 'challenger' AND version = $challenger) AS challenger
    FROM log.predictions
    WHERE model = $model AND predicted_at BETWEEN $since AND $now
    GROUP BY prediction_id
)
SELECT pseudonym, as_of, champion, challenger
FROM both_said
WHERE pseudonym IS NOT NULL AND champion IS NOT NULL AND challenger IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY pseudonym, as_of ORDER BY predicted_at, prediction_id) = 1
ORDER BY pseudonym, as_of
"""
