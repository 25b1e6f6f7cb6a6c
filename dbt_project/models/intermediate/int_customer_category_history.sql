{{ config(materialized='incremental', incremental_strategy='recomputed', meta={'snapshot_column': 'snapshot_at'}) }}
{% set categorised = "(select * from " ~ ref('int_order_lines') ~ " where category is not null)" %}
{{ order_history(categorised, ['pseudonym', 'category'], [56]) }}
