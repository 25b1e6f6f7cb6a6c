with campaigns as (
    select * from {{ source('raw', 'campaigns') }}
    where landed_at <= {{ as_of() }}
)

select
    -- ids
    campaign_id

    -- attributes
    , channel
    , {{ shown_text('campaigns', 'kind') }}

    -- amounts
    , budget

    -- times
    , starts_at
    , ends_at
    , landed_at
from campaigns
