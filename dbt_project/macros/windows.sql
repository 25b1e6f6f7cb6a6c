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


{# Money of a customer's orders, each decayed by its age with a mean life of `life` days. #}
{% macro amount_decayed(life) -%}
    cast(sum({{ exact('orders.amount * ' ~ decay('orders.ordered_at', 'snapshots.snapshot_at', life)) }}) as double)
{%- endmacro %}


{# The same per day: over the days since the first order, decayed alike. At least four weeks of them, or whoever
   came first yesterday would seem to spend that much every day. #}
{% macro amount_per_day(relation, life) -%}
    {{ relation }}.amount_decayed_{{ life }}d / ({{ life }} * (1 - exp(-greatest({{ relation }}.tenure_days, 28) / {{ life }}.0)))
{%- endmacro %}
