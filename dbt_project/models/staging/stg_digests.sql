-- What snapshots are computed from, reduced to a digest per input and first snapshot that may use it. The next
-- generation compares its own with these (stg_changes). Digests are of raw rows of people who may be profiled:
-- these are known before anything is written, and writing is what costs time.
with people as (
    select * from {{ ref('stg_people') }}
)

, orders as (
    select
        people.pseudonym
        , orders.product_id
        , orders.first_snapshot_at
        , hash(people.pseudonym, orders.row_hash) as row_hash
    from ({{ hashed_rows('orders', 'ordered_at') }}) as orders
    inner join people on orders.customer_id = people.customer_id
)

, impressions as (
    select
        impressions.product_id
        , impressions.first_snapshot_at
        , hash(people.pseudonym, impressions.row_hash) as row_hash
    from ({{ hashed_rows('impressions', 'shown_at') }}) as impressions
    inner join people on impressions.customer_id = people.customer_id
)

-- A customer or product matters from its first order or impression on: an export may well bring newcomers
-- without a word on when they landed.
, customer_uses as (
    select
        pseudonym
        , min(first_snapshot_at) as first_used_at
    from orders
    group by pseudonym
)

, product_uses as (
    select
        product_id
        , min(first_snapshot_at) as first_used_at
    from (
        select
            product_id
            , first_snapshot_at
        from orders
        union all
        select
            product_id
            , first_snapshot_at
        from impressions
    ) as uses
    group by product_id
)

-- Left out of both: what no snapshot shows. Any other column counts, also one that is added later.
, customers as (
    select
        hash(*columns(c -> not ends_with(c, '_masked'))) as row_hash
        , pseudonym
        , landed_at
    from {{ ref('stg_customers') }}
)

, products as (
    select
        hash(*columns(c -> c not in ('brand', 'description', 'price'))) as row_hash
        , product_id
        , landed_at
    from {{ ref('stg_products') }}
)

, inputs as (
    select
        'orders' as input
        , first_snapshot_at
        , row_hash
    from orders
    union all
    select
        'impressions' as input
        , first_snapshot_at
        , row_hash
    from impressions
    union all
    select
        'customers' as input
        , greatest({{ first_grid_snapshot('customers.landed_at') }}, customer_uses.first_used_at) as first_snapshot_at
        , customers.row_hash
    from customers
    inner join customer_uses on customers.pseudonym = customer_uses.pseudonym
    union all
    select
        'products' as input
        , greatest({{ first_grid_snapshot('products.landed_at') }}, product_uses.first_used_at) as first_snapshot_at
        , products.row_hash
    from products
    inner join product_uses on products.product_id = product_uses.product_id
)

select
    input
    , first_snapshot_at
    , count(*) as rows
    , sum(row_hash) as digest
from inputs
group by input, first_snapshot_at
