-- Never stored: it names no customer, so nobody could be erased from it.
{{ config(materialized='ephemeral') }}

with outcomes as (
    select * from {{ source('log', 'outcomes') }}
    where {{ is_known('reported_at') }}
)

select
    -- ids
    outcome_id
    , prediction_id

    -- what came of it
    , kind
    , revenue

    -- times
    , occurred_at
    , reported_at
    , landed_at
from outcomes
