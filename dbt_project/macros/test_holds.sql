{# A generic test: an expression that must be true of every row. #}
{% test holds(model, expression) %}
    select * from {{ model }}
    where not ({{ expression }})
{% endtest %}


{# A generic test: no two rows share these columns. #}
{% test unique_together(model, columns) %}
    select {{ columns | join(', ') }}
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}
