-- What every customer known at a snapshot spent in the horizon after it; only snapshots whose horizon ended by
-- as_of. What was given back is taken off the purchase; nothing is winsorised, for the money is what counts.
with known as (
    select
        pseudonym
        , snapshot_at
        , snapshot_at + interval {{ var('clv_horizon_days') }} day as label_ends_at
    from {{ ref('customer_features') }}
    where snapshot_at = {{ snapshot_before('snapshot_at') }}
)

, spent as (
    select
        known.pseudonym
        , known.snapshot_at
        , sum(orders.amount) as revenue
    from known
    inner join {{ ref('int_orders') }} as orders
        on
            known.pseudonym = orders.pseudonym
            and known.snapshot_at <= orders.ordered_at
            and known.label_ends_at > orders.ordered_at
    group by known.pseudonym, known.snapshot_at
)

select
    known.pseudonym
    , known.snapshot_at
    , known.label_ends_at
    , cast(coalesce(spent.revenue, 0) as double) as revenue
from known
left join spent
    on
        known.pseudonym = spent.pseudonym
        and known.snapshot_at = spent.snapshot_at
where known.label_ends_at <= {{ as_of() }}
