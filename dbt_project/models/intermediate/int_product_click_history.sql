{{ config(materialized='incremental', incremental_strategy='recomputed', meta={'snapshot_column': 'snapshot_at'}) }}
{{ click_history('product_id') }}
