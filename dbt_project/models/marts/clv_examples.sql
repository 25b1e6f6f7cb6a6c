-- What was known of every customer, beside what they spent next: the rows that models of customer lifetime
-- value learn from.
select
    features.*
    , labels.label_ends_at
    , labels.revenue
from {{ ref('customer_features') }} as features
inner join {{ ref('clv_labels') }} as labels
    on
        features.pseudonym = labels.pseudonym
        and features.snapshot_at = labels.snapshot_at
