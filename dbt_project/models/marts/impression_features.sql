{{ config(materialized='incremental', incremental_strategy='recomputed') }}
-- Every impression with what was known at the snapshot before it. The as-of joins take, for each key,
-- the history row that held at that snapshot.
with impressions as (
    select * from {{ ref('stg_impressions') }}
    where {{ is_recomputed('first_snapshot_at') }}
)

select
    impressions.impression_id
    , impressions.pseudonym
    , impressions.shown_at
    , impressions.snapshot_at
    , impressions.first_snapshot_at
    , greatest(impressions.shown_at, impressions.landed_at) as label_known_at
    , impressions.clicked
    , impressions.sampling_weight
    , impressions.product_id
    , impressions.channel
    , impressions.placement
    , products.department
    , {{ customer_ad_features('customers') }}
    , {{ affinity_features('customer_product', 'impressions.snapshot_at', 'customer_product') }}
    , {{ affinity_features('customer_category', 'impressions.snapshot_at', 'customer_category') }}
    , {{ product_features('product_orders', 'product_clicks', 'impressions.snapshot_at') }}
from impressions
left join {{ ref('stg_products') }} as products
    on
        impressions.product_id = products.product_id
        and impressions.snapshot_at >= products.landed_at
left join {{ ref('customer_features') }} as customers
    on
        impressions.pseudonym = customers.pseudonym
        and impressions.snapshot_at = customers.snapshot_at
asof left join {{ ref('int_customer_product_history') }} as customer_product
    on
        impressions.pseudonym = customer_product.pseudonym
        and impressions.product_id = customer_product.product_id
        and impressions.snapshot_at >= customer_product.snapshot_at
asof left join {{ ref('int_customer_category_history') }} as customer_category
    on
        impressions.pseudonym = customer_category.pseudonym
        and products.category = customer_category.category
        and impressions.snapshot_at >= customer_category.snapshot_at
asof left join {{ ref('int_product_history') }} as product_orders
    on
        impressions.product_id = product_orders.product_id
        and impressions.snapshot_at >= product_orders.snapshot_at
asof left join {{ ref('int_product_click_history') }} as product_clicks
    on
        impressions.product_id = product_clicks.product_id
        and impressions.snapshot_at >= product_clicks.snapshot_at
