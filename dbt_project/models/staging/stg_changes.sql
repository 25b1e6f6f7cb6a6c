-- From which snapshot on this generation differs from its base (macros/incremental.sql): the first one after
-- the base's as_of (its own at as_of, off the grid, is nobody's now), or an earlier one whose rows have changed
-- since. Without a base, from the very first.
with base as (
    select
        base_as_of
        , as_of
        , {{ snapshot_before('base_as_of') }} as last_complete_at
        , if(base_as_of > last_complete_at, base_as_of, last_complete_at + interval 7 day) as next_at
    from {{ source('cycle', 'cycle') }}
)

, differing as (
    select
        coalesce(fresh.input, held.input) as input
        , coalesce(fresh.first_snapshot_at, held.first_snapshot_at) as first_snapshot_at
        , coalesce(fresh.rows, 0) - coalesce(held.rows, 0) as more_rows
    from {{ ref('stg_digests') }} as fresh
    full join {{ source('cycle', 'base_digests') }} as held
        on
            fresh.input = held.input
            and fresh.first_snapshot_at = held.first_snapshot_at
    where (fresh.rows, fresh.digest) is distinct from (held.rows, held.digest)
)

, late as (
    select differing.*
    from differing
    inner join base on differing.first_snapshot_at <= base.last_complete_at
)

select
    base.base_as_of
    , least(
        base.as_of
        , coalesce(base.next_at, timestamp '0001-01-01')
        , (select min(late.first_snapshot_at) from late)
    ) as changed_from
    , (
        select string_agg(counted.input || printf(' %+d', counted.more_rows), ', ' order by counted.input)
        from (
            select
                input
                , sum(more_rows) as more_rows
            from late
            group by input
        ) as counted
    ) as late_rows
from base
