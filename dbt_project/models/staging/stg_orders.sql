{{ config(materialized='incremental', incremental_strategy='recomputed') }}
with orders as (
    select * from {{ source('raw', 'orders') }}
    where
        {{ is_known('ordered_at') }}
        and {{ is_recomputed(first_snapshot_at('ordered_at')) }}
)

, people as (
    select * from {{ ref('stg_people') }}
)

select
    -- ids: the company's own order id may lead back to the customer
    md5(people.pseudonym || orders.order_id) as order_id
    , people.pseudonym
    , orders.product_id
    , orders.store_id

    -- attributes
    , orders.channel

    -- amounts: decimals, so that sums do not depend on the order of rows; those of a return are negative,
    -- whatever sign the source gave them
    , {{ is_return('orders') }} as is_return
    , cast(if({{ is_return('orders') }}, -abs(orders.amount), orders.amount) as decimal(18, 4)) as amount
    , if({{ is_return('orders') }}, -abs(orders.quantity), orders.quantity) as quantity
    , cast(
        if({{ is_return('orders') }}, -1, 1) * coalesce(orders.discount, 0) as decimal(18, 4)
    ) as discount

    -- times
    , orders.ordered_at
    , orders.landed_at
    , {{ first_snapshot_at('orders.ordered_at') }} as first_snapshot_at
from orders
inner join people on orders.customer_id = people.customer_id
