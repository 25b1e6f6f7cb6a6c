{# What happened in the days before a snapshot, in a query over `snapshots` joined to `orders`. #}

{% macro is_within(days) -%}
    orders.ordered_at >= snapshots.snapshot_at - interval {{ days }} day
{%- endmacro %}


{% macro orders_within(days) -%}
    cast(coalesce(sum(orders.order_change) filter (where {{ is_within(days) }}), 0) as bigint)
{%- endmacro %}


{% macro sum_within(column, days) -%}
    cast(coalesce(sum(orders.{{ column }}) filter (where {{ is_within(days) }}), 0) as double)
{%- endmacro %}
