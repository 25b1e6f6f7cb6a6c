-- What orders and clicks say of each product at as_of, for the services.
with latest_orders as (
    select * from {{ ref('int_product_history') }}
    qualify row_number() over (partition by product_id order by snapshot_at desc) = 1
)

, latest_buyers as (
    select * from {{ ref('int_product_buyer_history') }}
    qualify row_number() over (partition by product_id order by snapshot_at desc) = 1
)

, latest_clicks as (
    select * from {{ ref('int_product_click_history') }}
    qualify row_number() over (partition by product_id order by snapshot_at desc) = 1
)

, known as (
    select product_id from {{ ref('stg_products') }}
    union
    select product_id from latest_orders
    union
    select product_id from latest_clicks
)

select
    known.product_id
    , products.category
    , products.department
    , {{ product_features('latest_orders', 'latest_buyers', 'latest_clicks', as_of()) }}
from known
left join {{ ref('stg_products') }} as products on known.product_id = products.product_id
left join latest_orders on known.product_id = latest_orders.product_id
left join latest_buyers on known.product_id = latest_buyers.product_id
left join latest_clicks on known.product_id = latest_clicks.product_id
