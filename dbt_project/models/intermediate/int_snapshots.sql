-- The fixed 7-day grid from the first order on, and one snapshot at as_of.
with bounds as (
    select
        min(first_snapshot_at) as first_at
        , {{ as_of() }} as as_of
    from {{ ref('stg_orders') }}
)

, grid as (
    select unnest(generate_series({{ snapshot_before('first_at') }}, as_of, interval 7 day)) as snapshot_at
    from bounds
)

select snapshot_at from grid
union
select as_of as snapshot_at from bounds
