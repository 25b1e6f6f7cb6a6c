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
