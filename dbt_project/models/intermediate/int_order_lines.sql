{{ config(materialized='incremental', incremental_strategy='recomputed') }}
-- Purchase lines with what is known of the article.
select
    orders.order_id
    , orders.pseudonym
    , orders.product_id
    , products.category
    , orders.ordered_at
    , orders.first_snapshot_at
from {{ ref('stg_orders') }} as orders
left join {{ ref('stg_products') }} as products
    on
        orders.product_id = products.product_id
        and orders.first_snapshot_at >= products.landed_at
where
    not orders.is_return
    and orders.product_id is not null
    and {{ is_recomputed('orders.first_snapshot_at') }}
