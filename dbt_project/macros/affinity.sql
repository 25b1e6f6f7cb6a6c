{# How often, how lately and how strongly orders touched a key, at every snapshot where that changed.

   One row per key and snapshot at which new orders became known; it holds until the next row of the
   key (join it as-of). Affinity is the number of orders, each decayed by its age with a mean life of
   `life` days. Every term depends on its two snapshots alone, and terms are added as decimals: the same
   sum comes out whenever, and beside whatever other rows, it is computed. What arrived at a snapshot is
   kept with it, so that later ones need not gather it again. #}
{% macro order_history(relation, keys, lives) -%}
    {%- set key_list = keys | join(', ') -%}
    with arrivals as (
        select
            {{ key_list }},
            first_snapshot_at as snapshot_at,
            count(*) as arrived_orders,
            max(ordered_at) as last_ordered_at
            {%- for life in lives %},
            cast(sum({{ exact(decay('ordered_at', 'first_snapshot_at', life)) }}) as double) as arrived_{{ life }}d
            {%- endfor %}
        from (
            select
                {{ key_list }},
                first_snapshot_at,
                order_id,
                max(ordered_at) as ordered_at
            from {{ relation }}
            where {{ is_recomputed('first_snapshot_at') }}
            group by all
        ) as orders
        group by all
    ),

    arrivals_so_far as (
        from arrivals
        {%- if is_incremental() %}
        union all by name
        select
            {{ key_list }},
            snapshot_at,
            arrived_orders,
            last_ordered_at
            {%- for life in lives %},
            arrived_{{ life }}d
            {%- endfor %}
        from {{ this }}
        where {{ is_taken_over('snapshot_at') }}
        {%- endif %}
    )

    select
        {% for key in keys %}arrivals.{{ key }}, {% endfor %}
        arrivals.snapshot_at,
        cast(sum(earlier.arrived_orders) as double) as orders,
        max(earlier.last_ordered_at) as last_ordered_at,
        arrivals.arrived_orders
        {%- for life in lives %},
        cast(
            sum({{ exact('earlier.arrived_' ~ life ~ 'd * ' ~ decay('earlier.snapshot_at', 'arrivals.snapshot_at', life)) }})
            as double
        ) as affinity_{{ life }}d,
        arrivals.arrived_{{ life }}d
        {%- endfor %}
    from arrivals
    inner join arrivals_so_far as earlier
        on
            {% for key in keys %}arrivals.{{ key }} = earlier.{{ key }}
            and {% endfor %}arrivals.snapshot_at >= earlier.snapshot_at
    group by all
{%- endmacro %}
