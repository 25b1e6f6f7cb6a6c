-- Never stored: the mart made of it holds all its columns.
{{ config(materialized='ephemeral') }}

with predictions as (
    select * from {{ source('log', 'predictions') }}
    where {{ is_known('predicted_at') }}
)

, people as (
    select * from {{ ref('stg_people') }}
)

select
    -- ids
    predictions.prediction_id
    , predictions.variant
    , people.pseudonym
    , {{ redacted('predictions.request_id') }} as request_id
    , predictions.application

    -- what was asked, in an application's own words, which may hold anything
    , {{ redacted('predictions.product_id') }} as product_id
    , {{ redacted('predictions.channel') }} as channel
    , {{ redacted('predictions.placement') }} as placement

    -- what was said, by whom
    , predictions.model
    , predictions.version
    , predictions.value
    , predictions.label
    , predictions.is_answered
    , predictions.propensity
    , predictions.is_known
    , predictions.features_fingerprint
    , predictions.latency_ms

    -- times
    , predictions.predicted_at
    , predictions.as_of
    , predictions.landed_at
from predictions
inner join people on predictions.pseudonym = people.pseudonym
