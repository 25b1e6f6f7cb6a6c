{# How often, how lately and how strongly orders touched a key, at every snapshot where that changed.

   One row per key and snapshot at which new orders became known; it holds until the next row of the
   key (join it as-of). Affinity is the number of orders, each decayed by its age with a mean life of
   `life` days. Every term depends on its two snapshots alone, and terms are added as decimals: the same
   sum comes out whenever, and beside whatever other rows, it is computed. #}
{% macro order_history(relation, keys, lives) -%}
    {%- set key_list = keys | join(', ') -%}
    with arrivals as (
        select
            {{ key_list }},
            first_snapshot_at,
            count(*) as orders,
            max(ordered_at) as last_ordered_at
            {%- for life in lives %},
            cast(sum({{ exact(decay('ordered_at', 'first_snapshot_at', life)) }}) as double) as weight_{{ life }}d
            {%- endfor %}
        from (
            select
                {{ key_list }},
                first_snapshot_at,
                order_id,
                max(ordered_at) as ordered_at
            from {{ relation }}
            {%- if is_incremental() %}
            where ({{ key_list }}) in (select ({{ key_list }}) from {{ relation }} where {{ is_recomputed('first_snapshot_at') }})
            {%- endif %}
            group by all
        ) as orders
        group by all
    )

    select
        {% for key in keys %}latest.{{ key }}, {% endfor %}
        latest.first_snapshot_at as snapshot_at,
        cast(sum(arrivals.orders) as double) as orders,
        max(arrivals.last_ordered_at) as last_ordered_at
        {%- for life in lives %},
        cast(
            sum({{ exact('arrivals.weight_' ~ life ~ 'd * ' ~ decay('arrivals.first_snapshot_at', 'latest.first_snapshot_at', life)) }})
            as double
        ) as affinity_{{ life }}d
        {%- endfor %}
    from arrivals as latest
    inner join arrivals
        on
            {% for key in keys %}latest.{{ key }} = arrivals.{{ key }}
            and {% endfor %}latest.first_snapshot_at >= arrivals.first_snapshot_at
    where {{ is_recomputed('latest.first_snapshot_at') }}
    group by all
{%- endmacro %}
