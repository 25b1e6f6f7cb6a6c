{# True for a line that takes goods or money back: a negative quantity or amount, or an order id that
   starts as the company's credit notes do (the setting cleaning.return_order_prefixes). #}
{% macro is_return(orders) -%}
    (
        coalesce({{ orders }}.quantity < 0, false)
        or {{ orders }}.amount < 0
        {%- for prefix in var('return_order_prefixes') %}
        or starts_with({{ orders }}.order_id, '{{ prefix | replace("'", "''") }}')
        {%- endfor %}
    )
{%- endmacro %}


{# Purchases that a return may take back from, where both are `same` in some way; less `evidence` is better. #}
{% macro purchases_returned(evidence, same) -%}
    select
        returns.number
        , {{ evidence }} as evidence
        , purchases.order_id
        , purchases.ordered_at
        , purchases.first_snapshot_at
        , greatest(returns.first_snapshot_at, purchases.first_snapshot_at) as known_at
    from returns
    inner join purchases on {{ same }} and returns.ordered_at >= purchases.ordered_at
{%- endmacro %}
