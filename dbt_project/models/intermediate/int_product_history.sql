{{ order_history(ref('int_order_lines'), ['product_id'], [56, 14]) }}
