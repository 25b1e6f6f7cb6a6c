-- Every customer at every snapshot, from rows known there.
with snapshots as (
    select * from {{ ref('int_snapshots') }}
),

orders as (
    select * from {{ ref('int_orders') }}
),

customers as (
    select * from {{ ref('stg_customers') }}
),

aggregated as (
    select
        snapshots.snapshot_at
        , orders.pseudonym
        , max(orders.ordered_at) as last_ordered_at
        , min(orders.ordered_at) as first_ordered_at
        , count(*) filter (where orders.is_first_part) as orders_total
        , sum(orders.amount) as amount_total
        {%- for days in [14, 28, 56, 84] %}
        , count(*) filter (
            where orders.is_first_part and orders.ordered_at >= snapshots.snapshot_at - interval {{ days }} day
        ) as orders_{{ days }}d
        {%- endfor %}
        {%- for days in [28, 56, 84] %}
        , coalesce(
            sum(orders.amount) filter (where orders.ordered_at >= snapshots.snapshot_at - interval {{ days }} day), 0
        ) as amount_{{ days }}d
        {%- endfor %}
        , count(distinct {{ snapshot_before('orders.ordered_at') }}) filter (
            where orders.ordered_at >= snapshots.snapshot_at - interval 84 day
        ) as order_weeks_84d
        , coalesce(
            sum(orders.lines) filter (where orders.ordered_at >= snapshots.snapshot_at - interval 56 day), 0
        ) as lines_56d
        , sum(orders.discount) filter (
            where orders.ordered_at >= snapshots.snapshot_at - interval 84 day
        ) as discount_84d
    from snapshots
    inner join orders on snapshots.snapshot_at >= orders.first_snapshot_at
    group by snapshots.snapshot_at, orders.pseudonym
),

measured as (
    select
        *
        , {{ days_between('last_ordered_at', 'snapshot_at') }} as days_since_last_order
        , {{ days_between('first_ordered_at', 'snapshot_at') }} as tenure_days
        , {{ days_between('first_ordered_at', 'last_ordered_at') }} / nullif(orders_total - 1, 0) as order_gap_mean_days
    from aggregated
)

select
    measured.pseudonym
    , measured.snapshot_at
    , measured.days_since_last_order
    , measured.tenure_days
    , measured.orders_total
    , measured.amount_total
    , measured.orders_14d
    , measured.orders_28d
    , measured.orders_56d
    , measured.orders_84d
    , measured.order_weeks_84d
    , measured.amount_28d
    , measured.amount_56d
    , measured.amount_84d
    , measured.lines_56d
    , measured.discount_84d / nullif(measured.amount_84d + measured.discount_84d, 0) as discount_84d_ratio
    , measured.order_gap_mean_days
    , measured.days_since_last_order / nullif(measured.order_gap_mean_days, 0) as recency_to_gap_ratio
    , measured.orders_28d / nullif(measured.orders_56d, 0) as orders_28d_to_56d_ratio
    , measured.orders_56d / nullif(measured.orders_84d, 0) as orders_56d_to_84d_ratio
    , customers.region
    , customers.age_band
    , customers.gender
    , customers.income_band
    , customers.household_size
    {{- attribute_columns(source('raw', 'customers'), 'customers') }}
from measured
left join customers on measured.pseudonym = customers.pseudonym
