{{ config(materialized='incremental', incremental_strategy='recomputed', meta={'snapshot_column': 'snapshot_at'}) }}
-- Between which amounts an order is ordinary: Tukey's fences, a multiple of the interquartile range beyond
-- the quartiles of the orders that became known in the 84 days up to a snapshot. A fence knows neither
-- as_of nor anything later than its snapshot, so it never changes.
with purchases as (
    select * from {{ ref('int_purchases') }}
)

, snapshots as (
    select distinct first_snapshot_at as snapshot_at
    from purchases
    where {{ is_recomputed('first_snapshot_at') }}
)

, quartiles as (
    select
        snapshots.snapshot_at
        , count(*) as orders
        , quantile_cont(purchases.amount, 0.25) as lower_quartile
        , quantile_cont(purchases.amount, 0.75) as upper_quartile
    from snapshots
    inner join purchases
        on
            snapshots.snapshot_at >= purchases.first_snapshot_at
            and snapshots.snapshot_at - interval 84 day < purchases.first_snapshot_at
    where purchases.is_first_part
    group by snapshots.snapshot_at
)

, ranges as (
    select
        *
        , (upper_quartile - lower_quartile) * {{ var('outlier_iqr_factor') }} as reach
    from quartiles
)

select
    snapshot_at
    , orders
    , cast(lower_quartile - reach as decimal(18, 4)) as lowest_amount
    , cast(upper_quartile + reach as decimal(18, 4)) as highest_amount
from ranges
-- a hundred orders at least; and where half of all orders cost the same, the others are not outliers for it
where orders >= 100 and reach > 0
