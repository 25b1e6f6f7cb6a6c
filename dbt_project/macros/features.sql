{# Features that training reads from history and serving reads as published: one definition for both.
   `history` is the alias of an int_…_history row that holds at `snapshot`. #}

{% macro affinity_features(history, snapshot, prefix) -%}
    {{ history }}.orders as {{ prefix }}_orders
    , {{ days_between(history ~ '.last_ordered_at', snapshot) }} as {{ prefix }}_days_since_last_order
    , {{ history }}.affinity_56d * {{ decay(history ~ '.snapshot_at', snapshot, 56) }} as {{ prefix }}_affinity
{%- endmacro %}


{% macro product_features(history, buyers, clicks, snapshot) -%}
    {{ history }}.orders as product_orders
    , {{ days_between(history ~ '.last_ordered_at', snapshot) }} as product_days_since_last_order
    , {{ history }}.affinity_56d * {{ decay(history ~ '.snapshot_at', snapshot, 56) }} as product_popularity_56d
    , {{ history }}.affinity_14d * {{ decay(history ~ '.snapshot_at', snapshot, 14) }} as product_popularity_14d
    , {{ buyers }}.buyers as product_buyers
    , {{ clicks }}.impressions as product_impressions
    , {{ click_ratio(clicks, 1000) }} as product_click_ratio
{%- endmacro %}


{% macro customer_ad_features(customers) -%}
    {{ customers }}.orders_56d as customer_orders_56d
    , {{ customers }}.amount_56d as customer_amount_56d
    , {{ customers }}.lines_56d as customer_lines_56d
    , {{ customers }}.days_since_last_order as customer_days_since_last_order
    , {{ customers }}.orders_14d as customer_orders_14d
    , {{ customers }}.order_weeks_84d as customer_order_weeks_84d
    , {{ customers }}.order_gap_mean_days as customer_order_gap_mean_days
    , {{ customers }}.repeat_order_amount_mean as customer_repeat_order_amount_mean
    , {{ customers }}.discount_84d_ratio as customer_discount_84d_ratio
    , {{ customers }}.tenure_days as customer_tenure_days
    , {{ customers }}.click_ratio as customer_click_ratio
    {{ attribute_columns(source('raw', 'customers'), customers, 'customer_') }}
{%- endmacro %}


{# A number as a decimal: sums of decimals do not depend on the order of rows. #}
{% macro exact(number) -%}
    cast({{ number }} as decimal(38, 15))
{%- endmacro %}


{# The most frequent value of a column; of equally frequent ones the first, not whichever is met first. #}
{% macro most_frequent(column, relation) -%}
    (
        select {{ column }} from {{ relation }}
        where {{ column }} is not null
        group by {{ column }}
        order by count(*) desc, {{ column }} asc
        limit 1
    )
{%- endmacro %}
