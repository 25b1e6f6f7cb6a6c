-- Purchase lines gathered into orders. Lines that landed late form a part of their own, known from a
-- later snapshot on.
select
    order_id
    , pseudonym
    , first_snapshot_at
    , min(ordered_at) as ordered_at
    , sum(amount) as amount
    , sum(discount) as discount
    , count(*) as lines
    , row_number() over (partition by pseudonym, order_id order by first_snapshot_at) = 1 as is_first_part
from {{ ref('stg_orders') }}
where not is_return
group by order_id, pseudonym, first_snapshot_at
