-- What each customer's orders say of each product at as_of, for the services.
with latest as (
    select * from {{ ref('int_customer_product_history') }}
    qualify row_number() over (partition by pseudonym, product_id order by snapshot_at desc) = 1
)

select
    latest.pseudonym
    , latest.product_id
    , {{ affinity_features('latest', as_of(), 'customer_product') }}
from latest
