-- What each channel brought up to as_of: impressions and clicks (weighted back to their true number),
-- contacts and responses of campaigns; who was held back (kind 'control') was not reached.
with shown as (
    select
        channel
        , cast(sum({{ exact('sampling_weight') }}) as double) as impressions
        , cast(coalesce(sum({{ exact('sampling_weight') }}) filter (where clicked), 0) as double) as clicks
    from {{ ref('stg_impressions') }}
    where channel is not null
    group by channel
)

, contacted as (
    select
        campaigns.channel
        , count(*) as contacts
        , count(contacts.responded_at) as responses
    from {{ ref('stg_contacts') }} as contacts
    inner join {{ ref('stg_campaigns') }} as campaigns on contacts.campaign_id = campaigns.campaign_id
    where campaigns.channel is not null and lower(coalesce(campaigns.kind, '')) <> 'control'
    group by campaigns.channel
)

select
    coalesce(shown.channel, contacted.channel) as channel
    , coalesce(shown.impressions, 0) as impressions
    , coalesce(shown.clicks, 0) as clicks
    , shown.clicks / nullif(shown.impressions, 0) as click_ratio
    , coalesce(contacted.contacts, 0) as contacts
    , coalesce(contacted.responses, 0) as responses
    , contacted.responses / nullif(contacted.contacts, 0) as response_ratio
from shown
full outer join contacted on shown.channel = contacted.channel
