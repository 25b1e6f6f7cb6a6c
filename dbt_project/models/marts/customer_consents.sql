-- Everyone who may be profiled at as_of, and whether they may be sent offers. Audiences heed it; no model sees it.
select
    pseudonym
    , may_receive_marketing
from {{ ref('stg_people') }}
