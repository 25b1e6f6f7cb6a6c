-- Every not_null test of the project in one: as tests of their own they take longer than all models of a new week.
-- The cycle leaves those out (infra/dbt.py) and runs them, to name the column, when a test fails.
{% for relation, columns in (required_columns() or {}).items() -%}
    select '{{ relation }}' as relation
    from {{ relation }}
    where {{ columns | join(' is null or ') }} is null
    union all
{% endfor -%}
select 'none' as relation
where false
