{{ config(materialized='incremental', incremental_strategy='recomputed', meta={'snapshot_column': 'snapshot_at'}) }}
-- Impressions and clicks of a product at every snapshot where they changed, weighted back to the true
-- number of impressions. A click counts from the snapshot on at which its outcome had landed.
with arrivals as (
    select
        product_id
        , first_snapshot_at
        , sum({{ exact('sampling_weight') }}) as impressions
        , sum({{ exact('sampling_weight') }}) filter (where clicked) as clicks
    from {{ ref('stg_impressions') }}
    where product_id is not null
    group by product_id, first_snapshot_at
)

, histories as (
    select
        product_id
        , first_snapshot_at as snapshot_at
        , cast(sum(impressions) over history as double) as impressions
        , cast(coalesce(sum(clicks) over history, 0) as double) as clicks
    from arrivals
    window history as (partition by product_id order by first_snapshot_at)
)

select * from histories
where {{ is_recomputed('snapshot_at') }}
