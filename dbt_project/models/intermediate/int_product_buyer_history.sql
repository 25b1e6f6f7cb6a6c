-- How many different customers had ordered a product, at every snapshot where that changed.
with beginnings as (
    select
        pseudonym
        , product_id
        , min(snapshot_at) as snapshot_at
    from {{ ref('int_customer_product_history') }}
    group by pseudonym, product_id
)

, arrivals as (
    select
        product_id
        , snapshot_at
        , count(*) as arrived_buyers
    from beginnings
    group by product_id, snapshot_at
)

select
    product_id
    , snapshot_at
    , cast(sum(arrived_buyers) over (partition by product_id order by snapshot_at) as double) as buyers
from arrivals
