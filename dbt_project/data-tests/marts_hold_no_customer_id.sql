-- No mart names a customer by the company's own id: every pseudonym is one of the crosswalk's.
{% for mart in ['customer_features', 'customer_profiles', 'customer_product_affinity', 'impression_features'] %}
select marts.pseudonym
from {{ ref(mart) }} as marts
anti join {{ source('raw', 'crosswalk') }} as crosswalk on marts.pseudonym = crosswalk.pseudonym
{{ 'union all' if not loop.last }}
{% endfor %}
