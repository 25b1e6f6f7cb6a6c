{# Impressions and clicks of a key at every snapshot where they changed, weighted back to the true number of
   impressions. A click counts from the snapshot on at which its outcome had landed. What arrived at a snapshot is
   kept with it, as in order_history. #}
{% macro click_history(key) -%}
    with arrivals as (
        select
            {{ key }},
            first_snapshot_at as snapshot_at,
            sum({{ exact('sampling_weight') }}) as arrived_impressions,
            coalesce(sum({{ exact('sampling_weight') }}) filter (where clicked), 0) as arrived_clicks
        from {{ ref('stg_impressions') }}
        where
            {{ key }} is not null
            and {{ is_recomputed('first_snapshot_at') }}
        group by {{ key }}, first_snapshot_at
    ),

    arrivals_so_far as (
        select * from arrivals
        {%- if is_incremental() %}
        union all by name
        select
            {{ key }},
            snapshot_at,
            arrived_impressions,
            arrived_clicks
        from {{ this }}
        semi join arrivals using ({{ key }})
        where {{ is_taken_over('snapshot_at') }}
        {%- endif %}
    ),

    histories as (
        select
            *,
            cast(sum(arrived_impressions) over history as double) as impressions,
            cast(sum(arrived_clicks) over history as double) as clicks
        from arrivals_so_far
        window history as (partition by {{ key }} order by snapshot_at)
    )

    select * from histories
    where {{ is_recomputed('snapshot_at') }}
{%- endmacro %}


{# Clicks over impressions, as if there had been so many impressions more, one in a thousand of them clicked. #}
{% macro click_ratio(history, impressions) -%}
    ({{ history }}.clicks + {{ impressions / 1000 }}) / ({{ history }}.impressions + {{ impressions }})
{%- endmacro %}
