-- Everyone who may be profiled has one row: whoever had two would buy everything twice.
select
    customer_id
    , pseudonym
from {{ ref('stg_people') }}
qualify
    count(*) over (partition by customer_id) > 1
    or count(*) over (partition by pseudonym) > 1
