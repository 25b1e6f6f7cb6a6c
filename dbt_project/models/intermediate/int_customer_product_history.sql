{{ order_history(ref('int_order_lines'), ['pseudonym', 'product_id'], [56]) }}
