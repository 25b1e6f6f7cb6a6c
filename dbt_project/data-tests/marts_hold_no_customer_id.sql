-- No mart names a customer by the company's own id: every pseudonym is one of the crosswalk's.
with marts as (
    select pseudonym from {{ ref('customer_features') }}
    union all
    select pseudonym from {{ ref('customer_profiles') }}
    union all
    select pseudonym from {{ ref('customer_product_affinity') }}
    union all
    select pseudonym from {{ ref('customer_category_affinity') }}
    union all
    select pseudonym from {{ ref('churn_labels') }}
    union all
    select pseudonym from {{ ref('clv_labels') }}
    union all
    select pseudonym from {{ ref('impression_features') }}
)

select distinct marts.pseudonym
from marts
anti join {{ source('raw', 'crosswalk') }} as crosswalk on marts.pseudonym = crosswalk.pseudonym
