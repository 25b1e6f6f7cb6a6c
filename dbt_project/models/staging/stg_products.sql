with products as (
    select * from {{ source('raw', 'products') }}
    where landed_at <= {{ as_of() }}
)

select
    -- ids
    product_id

    -- attributes
    , category
    , department
    , brand
    , {{ shown_text('products', 'description') }}

    -- amounts
    , price

    -- times
    , landed_at
from products
