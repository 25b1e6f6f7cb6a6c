-- What was known of active customers, beside what they did next: the rows churn models learn from.
select
    features.*
    , labels.label_ends_at
    , labels.churned
    , labels.next_order_days
from {{ ref('customer_features') }} as features
inner join {{ ref('churn_labels') }} as labels
    on
        features.pseudonym = labels.pseudonym
        and features.snapshot_at = labels.snapshot_at
