-- Everyone who may be profiled, by what they had answered at as_of. Every staging model with a customer
-- joins it. Never stored: it holds the company's own ids.
{{ config(materialized='ephemeral') }}

with answers as (
    select * from {{ source('raw', 'consents') }}
    where landed_at <= {{ as_of() }}
)

, latest as (
    select * from answers
    qualify row_number() over (partition by customer_id order by landed_at desc) = 1
)

-- whether the company asks at all
, asked as (
    select
        count(consent_marketing) > 0 as about_marketing
        , count(consent_profiling) > 0 as about_profiling
    from answers
)

, people as (
    select
        crosswalk.customer_id
        , crosswalk.pseudonym
        , {{ is_granted('latest.consent_marketing', 'asked.about_marketing') }} as may_receive_marketing
        , {{ is_granted('latest.consent_profiling', 'asked.about_profiling') }} as may_be_profiled
    from {{ source('raw', 'crosswalk') }} as crosswalk
    cross join asked
    left join latest on crosswalk.customer_id = latest.customer_id
)

select
    customer_id
    , pseudonym
    , may_receive_marketing
from people
where may_be_profiled
