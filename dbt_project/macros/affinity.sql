{# How often, how lately and how strongly orders touched a key, at every snapshot where that changed.

   One row per key and snapshot at which new orders became known; it holds until the next row of the
   key (join it as-of). Affinity is the number of orders, each decayed by its age with a mean life of
   `life` days. Sums run relative to as_of, so that no exponential overflows;
   rows are added as decimals, so that the sum does not depend on their order. #}
{% macro order_history(relation, keys, lives) -%}
    {%- set key_list = keys | join(', ') -%}
    with arrivals as (
        select
            {{ key_list }},
            first_snapshot_at,
            count(*) as orders,
            max(ordered_at) as last_ordered_at
            {%- for life in lives %},
            cast(
                sum(cast({{ decay('ordered_at', 'first_snapshot_at', life) }} as decimal(18, 15))) as double
            ) as weight_{{ life }}d
            {%- endfor %}
        from (
            select
                {{ key_list }},
                first_snapshot_at,
                order_id,
                max(ordered_at) as ordered_at
            from {{ relation }}
            group by all
        ) as orders
        group by all
    )

    select
        {{ key_list }},
        first_snapshot_at as snapshot_at,
        cast(sum(orders) over history as double) as orders,
        max(last_ordered_at) over history as last_ordered_at
        {%- for life in lives %},
        sum(weight_{{ life }}d * {{ decay('first_snapshot_at', as_of(), life) }}) over history
        / {{ decay('first_snapshot_at', as_of(), life) }} as affinity_{{ life }}d
        {%- endfor %}
    from arrivals
    window history as (partition by {{ key_list }} order by first_snapshot_at)
{%- endmacro %}
