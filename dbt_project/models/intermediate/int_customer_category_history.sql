{{ order_history("(select * from " ~ ref('int_order_lines') ~ " where category is not null)", ['pseudonym', 'category'], [56]) }}
