{{ config(materialized='incremental', incremental_strategy='recomputed', meta={'snapshot_column': 'snapshot_at'}) }}
{{ order_history(ref('int_order_lines'), ['product_id'], [56, 14]) }}
