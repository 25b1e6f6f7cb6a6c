{{ config(materialized='incremental', incremental_strategy='recomputed') }}
with impressions as (
    select * from {{ source('raw', 'impressions') }}
    where
        {{ is_known('shown_at') }}
        and {{ is_recomputed(first_snapshot_at('shown_at')) }}
)

, people as (
    select * from {{ ref('stg_people') }}
)

select
    -- ids: the company's own impression id may spell out the customer's
    md5(people.pseudonym || impressions.impression_id) as impression_id
    , people.pseudonym
    , impressions.product_id
    , impressions.campaign_id

    -- attributes
    , impressions.channel
    , impressions.placement
    , impressions.device

    -- outcome
    , impressions.clicked
    , coalesce(impressions.sampling_weight, 1) as sampling_weight

    -- times
    , impressions.shown_at
    , impressions.landed_at
    , {{ snapshot_before('impressions.shown_at') }} as snapshot_at
    , {{ first_snapshot_at('impressions.shown_at') }} as first_snapshot_at
from impressions
inner join people on impressions.customer_id = people.customer_id
