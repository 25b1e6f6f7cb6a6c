-- What the snapshots are computed from, reduced to a digest per input and first snapshot that may use it.
-- A later generation compares its own with these (int_changes). A customer or product matters from its first
-- order or impression on: an export may well bring newcomers without a word on when they landed.
with customer_uses as (
    select
        pseudonym
        , min(first_snapshot_at) as first_used_at
    from {{ ref('stg_orders') }}
    group by pseudonym
)

, product_uses as (
    select
        product_id
        , min(first_snapshot_at) as first_used_at
    from (
        select product_id, first_snapshot_at from {{ ref('stg_orders') }}
        union all
        select product_id, first_snapshot_at from {{ ref('stg_impressions') }}
    )
    group by product_id
)

-- Left out: details that no snapshot shows. Any other column counts, also one that is added later.
, customers as (
    select
        customers.* exclude (landed_at)
        , greatest({{ first_grid_snapshot('customers.landed_at') }}, customer_uses.first_used_at) as first_snapshot_at
    from {{ ref('stg_customers') }} as customers
    inner join customer_uses on customers.pseudonym = customer_uses.pseudonym
)

, products as (
    select
        products.* exclude (landed_at, brand, description, price)
        , greatest({{ first_grid_snapshot('products.landed_at') }}, product_uses.first_used_at) as first_snapshot_at
    from {{ ref('stg_products') }} as products
    inner join product_uses on products.product_id = product_uses.product_id
)

select 'orders' as input, * from ({{ digests(ref('stg_orders'), 'first_snapshot_at') }})
union all
select 'impressions' as input, * from ({{ digests(ref('stg_impressions'), 'first_snapshot_at') }})
union all
select 'customers' as input, *
from ({{ digests('customers', 'first_snapshot_at', "c -> not ends_with(c, '_masked')") }})
union all
select 'products' as input, * from ({{ digests('products', 'first_snapshot_at') }})
