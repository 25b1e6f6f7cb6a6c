-- Every customer at as_of, as the services see them: the features of customer_features, and those that
-- describe the customer in an impression under the names they have there.
select
    customers.*
    , {{ customer_ad_features('customers') }}
from {{ ref('customer_features') }} as customers
where customers.snapshot_at = {{ as_of() }}
