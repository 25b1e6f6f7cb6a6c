-- What each customer's orders say of each category at as_of, for the services.
with latest as (
    select * from {{ ref('int_customer_category_history') }}
    qualify row_number() over (partition by pseudonym, category order by snapshot_at desc) = 1
)

select
    latest.pseudonym
    , latest.category
    , {{ affinity_features('latest', as_of(), 'customer_category') }}
from latest
