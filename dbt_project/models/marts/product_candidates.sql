-- For every customer: the products they order most and those everybody orders most, as if each were
-- shown in the most frequent placement. The CTR champion ranks them into `scores.best_products`.
with thirtieth as (
    select
        pseudonym
        , list_min(max(customer_product_affinity, 30)) as affinity
    from {{ ref('customer_product_affinity') }}
    group by pseudonym
)

, favourites as (
    select
        ordered.pseudonym
        , ordered.product_id
    from {{ ref('customer_product_affinity') }} as ordered
    inner join thirtieth
        on
            ordered.pseudonym = thirtieth.pseudonym
            and ordered.customer_product_affinity >= thirtieth.affinity
    qualify
        row_number() over (
            partition by ordered.pseudonym
            order by ordered.customer_product_affinity desc, ordered.product_id asc
        ) <= 30
)

, popular as (
    select product_id
    from {{ ref('product_statistics') }}
    order by product_popularity_14d desc nulls last, product_id asc
    limit 30
)

, pairs as (
    select
        pseudonym
        , product_id
    from favourites
    union
    select
        customers.pseudonym
        , popular.product_id
    from {{ ref('customer_profiles') }} as customers
    cross join popular
)

, usual_placement as (
    select
        {{ most_frequent('channel', ref('stg_impressions')) }} as channel
        , {{ most_frequent('placement', ref('stg_impressions')) }} as placement
)

select
    pairs.pseudonym
    , pairs.product_id
    , usual_placement.channel
    , usual_placement.placement
    , statistics.* exclude (product_id, category)
    , {{ customer_ad_features('customers') }}
    , affinity.* exclude (pseudonym, product_id)
    , category_affinity.* exclude (pseudonym, category)
from pairs
cross join usual_placement
left join {{ ref('product_statistics') }} as statistics on pairs.product_id = statistics.product_id
left join {{ ref('customer_profiles') }} as customers on pairs.pseudonym = customers.pseudonym
left join {{ ref('customer_product_affinity') }} as affinity
    on
        pairs.pseudonym = affinity.pseudonym
        and pairs.product_id = affinity.product_id
left join {{ ref('customer_category_affinity') }} as category_affinity
    on
        pairs.pseudonym = category_affinity.pseudonym
        and statistics.category = category_affinity.category
