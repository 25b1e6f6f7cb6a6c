-- What services said of everyone who may be profiled, beside what was known at as_of to have come of it. An outcome
-- counts for every row of its prediction, the shadow's too: what the shadow would have said is judged by it.
with outcomes as (
    select
        prediction_id
        , min(occurred_at) filter (where kind = 'shown') as shown_at
        , bool_or(kind = 'clicked') as clicked
        , bool_or(kind = 'converted') as converted
        , cast(sum(cast(revenue as decimal(18, 4))) as double) as revenue
        , max(reported_at) as outcome_known_at
    from {{ ref('stg_outcomes') }}
    group by prediction_id
)

select
    predictions.*
    , outcomes.shown_at
    , outcomes.clicked
    , outcomes.converted
    , outcomes.revenue
    , outcomes.outcome_known_at
from {{ ref('stg_predictions') }} as predictions
left join outcomes on predictions.prediction_id = outcomes.prediction_id
