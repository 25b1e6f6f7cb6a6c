{% set categorised = "(select * from " ~ ref('int_order_lines') ~ " where category is not null)" %}
{{ order_history(categorised, ['pseudonym', 'category'], [56]) }}
