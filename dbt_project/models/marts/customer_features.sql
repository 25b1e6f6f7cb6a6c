{{ config(materialized='incremental', incremental_strategy='recomputed', meta={'snapshot_column': 'snapshot_at'}) }}
-- Every customer at every snapshot, from rows known there.
with snapshots as (
    select * from {{ ref('int_snapshots') }}
    where {{ is_recomputed('snapshot_at') }}
)

, orders as (
    select * from {{ ref('int_orders') }}
)

, customers as (
    select * from {{ ref('stg_customers') }}
)

, aggregated as (
    select
        snapshots.snapshot_at
        , orders.pseudonym
        , max(orders.ordered_at) as last_ordered_at
        , min(orders.ordered_at) as first_ordered_at
        , cast(sum(orders.order_change) as bigint) as orders_total
        , sum(orders.amount_winsorised) as amount_total
        , {{ orders_within(14) }} as orders_14d
        , {{ orders_within(28) }} as orders_28d
        , {{ orders_within(56) }} as orders_56d
        , {{ orders_within(84) }} as orders_84d
        , {{ sum_within('amount_winsorised', 28) }} as amount_28d
        , {{ sum_within('amount_winsorised', 56) }} as amount_56d
        , {{ sum_within('amount_winsorised', 84) }} as amount_84d
        , {{ sum_within('amount', 90) }} as amount_90d
        , {{ amount_decayed(30) }} as amount_decayed_30d
        , {{ amount_decayed(60) }} as amount_decayed_60d
        , {{ amount_decayed(180) }} as amount_decayed_180d
        , {{ sum_within('lines', 56) }} as lines_56d
        , {{ sum_within('discount', 84) }} as discount_84d
        , {{ sum_within('amount', 84) }} as exact_amount_84d
        , count(distinct {{ snapshot_before('orders.ordered_at') }}) filter (
            where {{ is_within(84) }}
        ) as order_weeks_84d
    from snapshots
    inner join orders on snapshots.snapshot_at >= orders.first_snapshot_at
    group by snapshots.snapshot_at, orders.pseudonym
)

-- the days on which customers ordered, each known from its first order on: what their rhythm is read from
, order_days as (
    select
        pseudonym
        , cast(ordered_at as date) as day
        , min(first_snapshot_at) as first_snapshot_at
    from orders
    where order_change > 0
    group by pseudonym, cast(ordered_at as date)
)

, calendars as (
    select
        snapshots.snapshot_at
        , order_days.pseudonym
        , list_sort(list(order_days.day)) as days
    from snapshots
    inner join order_days on snapshots.snapshot_at >= order_days.first_snapshot_at
    group by snapshots.snapshot_at, order_days.pseudonym
)

-- days come from a query of their own: an alias of the same one would be sorted anew for every gap
, rhythms as (
    select
        snapshot_at
        , pseudonym
        , [days[i + 1] - days[i] for i in range(1, len(days))] as gaps
    from calendars
)

-- what happened at the instant of the first order, which a repeat order lies after
, beginnings as (
    select
        aggregated.snapshot_at
        , aggregated.pseudonym
        , cast(sum(orders.order_change) as bigint) as orders
        , sum(orders.amount_winsorised) as amount
    from aggregated
    inner join orders
        on
            aggregated.pseudonym = orders.pseudonym
            and aggregated.first_ordered_at = orders.ordered_at
            and aggregated.snapshot_at >= orders.first_snapshot_at
    group by aggregated.snapshot_at, aggregated.pseudonym
)

, measured as (
    select
        aggregated.*
        , {{ days_between('last_ordered_at', 'snapshot_at') }} as days_since_last_order
        , {{ days_between('first_ordered_at', 'snapshot_at') }} as tenure_days
        , {{ days_between('first_ordered_at', 'last_ordered_at') }} as first_to_last_order_days
        , first_to_last_order_days / nullif(greatest(orders_total - 1, 0), 0) as order_gap_mean_days
        , rhythms.gaps
        , list_aggregate(rhythms.gaps, 'median') as order_gap_median_days
        , list_aggregate(rhythms.gaps, 'quantile_cont', 0.9) as order_gap_p90_days
        , list_aggregate(rhythms.gaps, 'stddev_samp') as order_gap_sd_days
        , orders_total - beginnings.orders as repeat_orders
        , cast(amount_total - beginnings.amount as double) as repeat_amount
    from aggregated
    inner join beginnings using (snapshot_at, pseudonym)
    left join rhythms using (snapshot_at, pseudonym)
)

select
    measured.pseudonym
    , measured.snapshot_at
    , measured.days_since_last_order
    , measured.tenure_days
    , measured.orders_total
    , cast(measured.amount_total as double) as amount_total
    , measured.orders_14d
    , measured.orders_28d
    , measured.orders_56d
    , measured.orders_84d
    , measured.order_weeks_84d
    , measured.amount_28d
    , measured.amount_56d
    , measured.amount_84d
    , measured.amount_90d
    , {{ amount_per_day('measured', 30) }} as amount_per_day_30d
    , {{ amount_per_day('measured', 60) }} as amount_per_day_60d
    , {{ amount_per_day('measured', 180) }} as amount_per_day_180d
    , measured.lines_56d
    , measured.discount_84d / nullif(measured.exact_amount_84d + measured.discount_84d, 0) as discount_84d_ratio
    , measured.repeat_orders
    , if(measured.repeat_orders > 0, measured.first_to_last_order_days, 0) as first_to_last_order_days
    , measured.repeat_amount / nullif(measured.repeat_orders, 0) as repeat_order_amount_mean
    , measured.order_gap_mean_days
    , measured.order_gap_median_days
    , measured.order_gap_p90_days
    , measured.order_gap_sd_days
    , cast(measured.gaps[-1] as double) as order_gap_last_days
    , measured.days_since_last_order / nullif(measured.order_gap_mean_days, 0) as recency_to_gap_ratio
    , measured.days_since_last_order / nullif(measured.order_gap_p90_days, 0) as recency_to_gap_p90_ratio
    , (measured.days_since_last_order - measured.order_gap_median_days)
    / nullif(measured.order_gap_sd_days, 0) as recency_beyond_gap_sds
    , measured.orders_28d / nullif(measured.orders_56d, 0) as orders_28d_to_56d_ratio
    , measured.orders_56d / nullif(measured.orders_84d, 0) as orders_56d_to_84d_ratio
    , {{ click_ratio('clicks', 5000) }} as click_ratio
    , {{ days_between('measured.snapshot_at', 'customers.member_expires_at') }} as days_to_expiry
    , customers.region
    , {{ age_band('customers', 'measured.snapshot_at') }} as age_band
    , customers.gender
    , customers.income_band
    , customers.household_size
    {{ attribute_columns(source('raw', 'customers'), 'customers') }}
from measured
asof left join {{ ref('int_customer_click_history') }} as clicks
    on
        measured.pseudonym = clicks.pseudonym
        and measured.snapshot_at >= clicks.snapshot_at
left join customers
    on
        measured.pseudonym = customers.pseudonym
        and measured.snapshot_at >= customers.landed_at
