-- Customers active at a snapshot, and whether they let the whole horizon after it pass without an
-- order; only snapshots whose horizon ended by as_of.
with active as (
    select
        pseudonym
        , snapshot_at
        , snapshot_at + interval {{ var('churn_horizon_days') }} day as label_ends_at
    from {{ ref('customer_features') }}
    where
        days_since_last_order <= {{ var('churn_window_days') }}
        and snapshot_at = {{ snapshot_before('snapshot_at') }}
)

, orders as (
    -- a purchase that was given back later still shows that the customer came; a return by itself does not
    select distinct
        pseudonym
        , ordered_at
    from {{ ref('int_orders') }}
)

, came_back as (
    select
        active.pseudonym
        , active.snapshot_at
        , min(orders.ordered_at) as next_ordered_at
    from active
    inner join orders
        on
            active.pseudonym = orders.pseudonym
            and active.snapshot_at <= orders.ordered_at
            and active.label_ends_at > orders.ordered_at
    group by active.pseudonym, active.snapshot_at
)

select
    active.pseudonym
    , active.snapshot_at
    , active.label_ends_at
    , came_back.pseudonym is null as churned
    , {{ days_between('active.snapshot_at', 'came_back.next_ordered_at') }} as next_order_days
from active
left join came_back
    on
        active.pseudonym = came_back.pseudonym
        and active.snapshot_at = came_back.snapshot_at
where active.label_ends_at <= {{ as_of() }}
