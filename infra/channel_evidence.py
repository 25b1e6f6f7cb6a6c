"""What a generation knows of channels and segments, as sums: nothing of a single customer leaves it this way."""

from dataclasses import dataclass

import pandas as pd
from pandera.typing.pandas import DataFrame

from infra.budget_contracts import ChannelResponses, ChannelWeeks, ChannelWindow, SegmentWorth
from infra.sources.rows import sql_text
from infra.warehouse import Generation, T, checked

CONTROL = "control"  # the kind of a campaign whose contacts were held back


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Tables without rows where there is nothing of the kind."""

    responses: DataFrame[ChannelResponses]
    segments: DataFrame[SegmentWorth]
    weeks: DataFrame[ChannelWeeks]


def gather(generation: Generation, as_of: pd.Timestamp) -> Evidence:
    """Everything up to ``as_of`` (naive UTC) by channel and by the segment that the cycle's scores tell.

    Contacts and impressions are counted in the segment that a customer is in now.
    """
    people, activity = _people(generation), _activity(generation)
    of_segments = f"""
        WITH activity AS ({activity}), people AS ({people})
        , customers AS (
            SELECT channel, unit, segment, pseudonym, {_exact("units")} AS n, {_exact("responses")} AS r
            FROM activity INNER JOIN people USING (pseudonym) GROUP BY ALL)
        , weekly AS (
            SELECT channel, unit, segment, date_trunc('week', happened_at) AS week, {_exact("units")} AS n
            FROM activity INNER JOIN people USING (pseudonym) GROUP BY ALL)
        , busiest AS (SELECT channel, unit, segment, max(n) AS busiest_units FROM weekly GROUP BY ALL)
        SELECT channel, unit, segment, count(*) AS customers, {_sums()}, any_value(busiest_units) AS busiest_units
        FROM customers INNER JOIN busiest USING (channel, unit, segment)
        GROUP BY channel, unit, segment ORDER BY ALL"""
    of_weeks = f"""
        WITH activity AS ({activity})
        SELECT channel, unit, date_trunc('week', happened_at) AS week, {_exact("units")} AS units,
               {_exact("responses")} AS responses
        FROM activity WHERE date_trunc('week', happened_at) + INTERVAL 7 DAY <= $as_of GROUP BY ALL ORDER BY ALL"""
    return Evidence(
        responses=_asked(generation, ChannelResponses, activity and of_segments),
        segments=_asked(generation, SegmentWorth, _worth(generation, people)),
        weeks=_asked(generation, ChannelWeeks, activity and of_weeks, as_of=as_of),
    )


def window(generation: Generation, since: pd.Timestamp, until: pd.Timestamp) -> DataFrame[ChannelWindow]:
    """What happened in each channel within [``since``, ``until``) (naive UTC); where nothing did, there is no row."""
    activity = _activity(generation)
    sql = f"""
        WITH activity AS ({activity}), reported AS ({_reported(generation)})
        , happened AS (
            SELECT channel, unit, {_exact("units")} AS units, {_exact("responses")} AS responses
            FROM activity WHERE happened_at >= $since AND happened_at < $until GROUP BY ALL)
        SELECT * FROM happened LEFT JOIN reported USING (channel)
        LEFT JOIN ({_held_back(generation)}) AS held_back USING (channel) ORDER BY channel, unit"""
    return _asked(generation, ChannelWindow, activity and sql, since=since, until=until)


def beside_control(generation: Generation, until: pd.Timestamp) -> DataFrame[ChannelWindow]:
    """Of each channel that held customers back: what happened since the first of them was, until ``until``."""
    nothing: DataFrame[ChannelWindow] = _asked(generation, ChannelWindow, "")
    if not generation.holds("stg_contacts", "staging"):
        return nothing
    began = generation.query(
        f"""SELECT channel, min(contacted_at) AS since
            FROM staging.stg_contacts INNER JOIN staging.stg_campaigns USING (campaign_id)
            WHERE channel IS NOT NULL AND {_IS_CONTROL} AND contacted_at < $until GROUP BY channel ORDER BY channel""",
        until=until,
    )
    parts = []
    for channel, since in zip(began["channel"], began["since"], strict=True):
        happened = window(generation, pd.Timestamp(since), until)
        parts.append(happened[(happened["channel"] == channel) & (happened["unit"] == "contact")])
    return checked(ChannelWindow, pd.concat(parts, ignore_index=True), "ChannelWindow") if parts else nothing


def _people(generation: Generation) -> str:
    """Everyone with their segment in this cycle's scores; ``all`` where there are no segments."""
    return f"""SELECT pseudonym, coalesce(segment, 'all') AS segment, expected_revenue_90d, expected_revenue_low,
                      expected_revenue_high, churn_probability
               FROM marts.scores WHERE cycle_id = {sql_text(generation.name)}"""


def _activity(generation: Generation) -> str:
    """Contacts and impressions: channel, unit, pseudonym, happened_at, units, responses; "" where there are none."""
    parts = []
    if generation.holds("stg_contacts", "staging"):
        parts.append(
            f"""SELECT channel, 'contact' AS unit, pseudonym, contacted_at AS happened_at,
                       1.0 AS units, if(responded_at IS NULL, 0.0, 1.0) AS responses
                FROM staging.stg_contacts INNER JOIN staging.stg_campaigns USING (campaign_id)
                WHERE channel IS NOT NULL AND NOT {_IS_CONTROL}"""
        )
    if generation.holds("stg_impressions", "staging"):
        parts.append(
            """SELECT channel, 'impression' AS unit, pseudonym, shown_at AS happened_at,
                      sampling_weight AS units, if(clicked, sampling_weight, 0.0) AS responses
               FROM staging.stg_impressions WHERE channel IS NOT NULL"""
        )
    return " UNION ALL ".join(parts)


def _worth(generation: Generation, people: str) -> str:
    means = ", ".join(
        f"avg({column}) FILTER (NOT isnan({column})) AS {name}"
        for name, column in (
            ("expected_revenue", "expected_revenue_90d"),
            ("expected_revenue_low", "expected_revenue_low"),
            ("expected_revenue_high", "expected_revenue_high"),
            ("churn_probability", "people.churn_probability"),
        )
    )
    return f"""
        WITH people AS ({people})
        , known AS (
            SELECT people.*, coalesce(orders_84d, 0) AS n, coalesce(amount_84d, 0) AS r,
                   coalesce(may_receive_marketing, false) AS may
            FROM people INNER JOIN marts.customer_profiles USING (pseudonym)
            LEFT JOIN marts.customer_consents USING (pseudonym))
        SELECT segment, count(*) AS customers, count(*) FILTER (may) AS reachable,
               {_sums("orders", "amount")}, {means}
        FROM known AS people GROUP BY segment ORDER BY segment"""


def _reported(generation: Generation) -> str:
    """Revenue by channel, as applications reported it for answers given within the window."""
    if not generation.holds("prediction_outcomes"):
        return "SELECT '' AS channel, NULL AS revenue, NULL AS reports WHERE false"
    return f"""SELECT channel, {_exact("revenue")} AS revenue, CAST(count(*) AS DOUBLE) AS reports
               FROM marts.prediction_outcomes
               WHERE is_answered AND revenue IS NOT NULL AND predicted_at >= $since AND predicted_at < $until
               GROUP BY channel"""


def _held_back(generation: Generation) -> str:
    """By channel: customers contacted in the window and customers held back, and what each ordered from then on."""
    if not generation.holds("stg_contacts", "staging"):
        return "SELECT '' AS channel WHERE false"
    arms = {"treated": "NOT is_control", "control": "is_control"}
    sums = ", ".join(
        f"count(*) FILTER ({which}) AS {'customers' if arm == 'treated' else 'control_customers'}, "
        f"{_exact('amount', which)} AS {arm}_return, "
        f"{_exact('amount * amount', which)} AS {'return' if arm == 'treated' else arm}_squares"
        for arm, which in arms.items()
    )
    return f"""
        SELECT channel, {sums} FROM (
            SELECT channel, is_control, arms.pseudonym,
                   {_exact("coalesce(orders.amount, 0)")} AS amount
            FROM (
                SELECT channel, {_IS_CONTROL} AS is_control, pseudonym, min(contacted_at) AS since
                FROM staging.stg_contacts INNER JOIN staging.stg_campaigns USING (campaign_id)
                WHERE channel IS NOT NULL AND contacted_at >= $since AND contacted_at < $until
                GROUP BY ALL) AS arms
            LEFT JOIN intermediate.int_orders AS orders
                ON arms.pseudonym = orders.pseudonym AND orders.ordered_at >= since AND orders.ordered_at < $until
            GROUP BY ALL)
        GROUP BY channel HAVING count(*) FILTER (is_control) > 0"""


_IS_CONTROL = f"(lower(coalesce(kind, '')) = '{CONTROL}')"


def _sums(units: str = "units", responses: str = "responses") -> str:
    """Of customers with n and r each: sums, squares and products, exact, so that their order changes nothing."""
    return f"""{_exact("n")} AS {units}, {_exact("r")} AS {responses}, {_exact("n * n")} AS {units}_squares,
               {_exact("r * r")} AS {responses}_squares, {_exact("n * r")} AS products"""


def _exact(expression: str, where: str = "true") -> str:
    total = f"sum(CAST({expression} AS DECIMAL(38, 4))) FILTER ({where})"
    return f"CAST(coalesce({total}, 0) AS DOUBLE)"


def _asked(generation: Generation, contract: type[T], sql: str, **parameters: object) -> DataFrame[T]:
    """The rows of a query, checked; none where there is nothing to ask (``sql`` is empty)."""
    if sql:
        return checked(contract, generation.query(sql, **parameters), contract.__name__)
    return checked(contract, pd.DataFrame(columns=list(contract.to_schema().columns)), contract.__name__)
