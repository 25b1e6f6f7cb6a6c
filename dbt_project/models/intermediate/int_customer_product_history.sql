{{ config(materialized='incremental', incremental_strategy='recomputed', meta={'snapshot_column': 'snapshot_at'}) }}
{{ order_history(ref('int_order_lines'), ['pseudonym', 'product_id'], [56]) }}
