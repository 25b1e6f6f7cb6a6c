{{ config(materialized='incremental', incremental_strategy='recomputed', meta={'snapshot_column': 'snapshot_at'}) }}
-- Impressions and clicks of a product at every snapshot where they changed, weighted back to the true
-- number of impressions. A click counts from the snapshot on at which its outcome had landed. What arrived at a
-- snapshot is kept with it, as in order_history.
with arrivals as (
    select
        product_id
        , first_snapshot_at as snapshot_at
        , sum({{ exact('sampling_weight') }}) as arrived_impressions
        , coalesce(sum({{ exact('sampling_weight') }}) filter (where clicked), 0) as arrived_clicks
    from {{ ref('stg_impressions') }}
    where
        product_id is not null
        and {{ is_recomputed('first_snapshot_at') }}
    group by product_id, first_snapshot_at
)

, arrivals_so_far as (
    select * from arrivals
    {% if is_incremental() -%}
        union all by name
        select
            product_id
            , snapshot_at
            , arrived_impressions
            , arrived_clicks
        from {{ this }}
        semi join arrivals using (product_id)
        where {{ is_taken_over('snapshot_at') }}
    {%- endif %}
)

, histories as (
    select
        *
        , cast(sum(arrived_impressions) over history as double) as impressions
        , cast(sum(arrived_clicks) over history as double) as clicks
    from arrivals_so_far
    window history as (partition by product_id order by snapshot_at)
)

select * from histories
where {{ is_recomputed('snapshot_at') }}
