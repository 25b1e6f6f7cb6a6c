{{ config(materialized='incremental', incremental_strategy='recomputed') }}
-- Every impression with what was known at the snapshot before it. The as-of joins take, for each key,
-- the history row that held at that snapshot; histories of keys that were not shown are left out first, and
-- customers come last, so that their columns need no sorting.
with impressions as (
    select * from {{ ref('stg_impressions') }}
    where {{ is_recomputed('first_snapshot_at') }}
)

, shown as (
    select
        impressions.*
        , products.category
        , products.department
    from impressions
    left join {{ ref('stg_products') }} as products
        on
            impressions.product_id = products.product_id
            and impressions.snapshot_at >= products.landed_at
)

, customer_product as (
    select * from {{ ref('int_customer_product_history') }}
    semi join shown using (pseudonym, product_id)
)

, customer_category as (
    select * from {{ ref('int_customer_category_history') }}
    semi join shown using (pseudonym, category)
)

, product_orders as (
    select * from {{ ref('int_product_history') }}
    semi join shown using (product_id)
)

, product_buyers as (
    select * from {{ ref('int_product_buyer_history') }}
    semi join shown using (product_id)
)

, product_clicks as (
    select * from {{ ref('int_product_click_history') }}
    semi join shown using (product_id)
)

select
    shown.impression_id
    , shown.pseudonym
    , shown.shown_at
    , shown.snapshot_at
    , shown.first_snapshot_at
    , greatest(shown.shown_at, shown.landed_at) as label_known_at
    , shown.clicked
    , shown.sampling_weight
    , shown.product_id
    , shown.channel
    , shown.placement
    , shown.department
    , {{ customer_ad_features('customers') }}
    , {{ affinity_features('customer_product', 'shown.snapshot_at', 'customer_product') }}
    , {{ affinity_features('customer_category', 'shown.snapshot_at', 'customer_category') }}
    , {{ product_features('product_orders', 'product_buyers', 'product_clicks', 'shown.snapshot_at') }}
from shown
asof left join customer_product
    on
        shown.pseudonym = customer_product.pseudonym
        and shown.product_id = customer_product.product_id
        and shown.snapshot_at >= customer_product.snapshot_at
asof left join customer_category
    on
        shown.pseudonym = customer_category.pseudonym
        and shown.category = customer_category.category
        and shown.snapshot_at >= customer_category.snapshot_at
asof left join product_orders
    on
        shown.product_id = product_orders.product_id
        and shown.snapshot_at >= product_orders.snapshot_at
asof left join product_buyers
    on
        shown.product_id = product_buyers.product_id
        and shown.snapshot_at >= product_buyers.snapshot_at
asof left join product_clicks
    on
        shown.product_id = product_clicks.product_id
        and shown.snapshot_at >= product_clicks.snapshot_at
left join {{ ref('customer_features') }} as customers
    on
        shown.pseudonym = customers.pseudonym
        and shown.snapshot_at = customers.snapshot_at
