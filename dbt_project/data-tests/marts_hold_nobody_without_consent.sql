-- Nobody who may not be profiled, by what they had answered at as_of, is in a mart.
{% set marts = [
    'customer_features', 'customer_profiles', 'customer_product_affinity', 'customer_category_affinity',
    'churn_labels', 'churn_examples', 'clv_labels', 'clv_examples', 'impression_features', 'product_candidates', 'customer_consents',
    'prediction_outcomes',
] -%}

with marts as (
    {% for mart in marts -%}
        {% if not loop.first %}union
        {% endif -%}
        select pseudonym from {{ ref(mart) }}
    {% endfor %}
)

select marts.pseudonym
from marts
anti join {{ ref('stg_people') }} as people on marts.pseudonym = people.pseudonym
