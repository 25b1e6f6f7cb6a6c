with contacts as (
    select * from {{ source('raw', 'contacts') }}
    where {{ is_known('contacted_at') }}
)

, people as (
    select * from {{ ref('stg_people') }}
)

select
    -- ids
    contacts.campaign_id
    , people.pseudonym

    -- times: a response after as_of has not happened yet
    , contacts.contacted_at
    , case when contacts.responded_at < {{ as_of() }} then contacts.responded_at end as responded_at
    , contacts.landed_at
from contacts
inner join people on contacts.customer_id = people.customer_id
