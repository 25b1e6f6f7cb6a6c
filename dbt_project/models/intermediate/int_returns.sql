-- Return lines, each with the part of an order that it takes back from: of the same order where the source
-- names it, else the customer's latest purchase of the product before it, else (no product given) of the same
-- amount. The purchase known first wins, so that what lands later never changes a match made before.
with returns as (
    select
        row_number() over () as number
        , pseudonym
        , order_id
        , product_id
        , ordered_at
        , first_snapshot_at
        , amount as line_amount
        , sum(amount) as amount
        , sum(quantity) as quantity
        , count(*) as lines
    from {{ ref('stg_orders') }}
    where is_return
    group by pseudonym, order_id, product_id, ordered_at, first_snapshot_at, amount
)

, purchases as (
    select
        *
        , sum(amount) over (partition by order_id, first_snapshot_at) as part_amount
    from {{ ref('stg_orders') }}
    semi join returns using (pseudonym)
    where not is_return
)

, candidates as (
    {{ purchases_returned(1, "returns.order_id = purchases.order_id
        and coalesce(returns.product_id, purchases.product_id) is not distinct from purchases.product_id") }}
    union all
    {{ purchases_returned(2, "returns.pseudonym = purchases.pseudonym
        and returns.product_id = purchases.product_id") }}
    union all
    {{ purchases_returned(3, "returns.pseudonym = purchases.pseudonym
        and returns.product_id is null and -returns.line_amount = purchases.amount") }}
    union all
    {{ purchases_returned(4, "returns.pseudonym = purchases.pseudonym
        and returns.product_id is null and -returns.line_amount = purchases.part_amount") }}
)

, matches as (
    select * from candidates
    qualify
        row_number() over (
            partition by number
            order by known_at asc, evidence asc, ordered_at desc, order_id asc, first_snapshot_at asc
        ) = 1
)

select
    returns.pseudonym
    , returns.product_id
    , returns.ordered_at
    , returns.first_snapshot_at
    , returns.amount
    , returns.quantity
    , returns.lines
    , matches.order_id as purchase_order_id
    , matches.first_snapshot_at as purchase_first_snapshot_at
    , matches.known_at
from returns
left join matches on returns.number = matches.number
