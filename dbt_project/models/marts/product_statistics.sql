-- What orders and clicks say of each product at as_of, for the services.
with latest_orders as (
    select * from {{ ref('int_product_history') }}
    qualify row_number() over (partition by product_id order by snapshot_at desc) = 1
)

, latest_clicks as (
    select * from {{ ref('int_product_click_history') }}
    qualify row_number() over (partition by product_id order by snapshot_at desc) = 1
)

select
    products.product_id
    , products.category
    , products.department
    , {{ product_features('latest_orders', 'latest_clicks', as_of()) }}
from {{ ref('stg_products') }} as products
left join latest_orders on products.product_id = latest_orders.product_id
left join latest_clicks on products.product_id = latest_clicks.product_id
