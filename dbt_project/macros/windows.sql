{# What happened in the days before a snapshot, in a query over `snapshots` joined to `orders`. #}

{% macro is_within(days) -%}
    orders.ordered_at >= snapshots.snapshot_at - interval {{ days }} day
{%- endmacro %}


{% macro orders_within(days) -%}
    count(*) filter (where orders.is_first_part and {{ is_within(days) }})
{%- endmacro %}


{% macro sum_within(column, days) -%}
    cast(coalesce(sum(orders.{{ column }}) filter (where {{ is_within(days) }}), 0) as double)
{%- endmacro %}
