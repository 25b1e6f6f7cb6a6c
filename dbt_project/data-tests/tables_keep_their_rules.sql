-- Every generic test of the project in one: as tests of their own they take longer than all models of a new week.
-- The cycle leaves those out (infra/dbt.py) and runs them, to name the rule that is broken, when a test fails.
{% for relation, columns in (required_columns() or {}).items() -%}
    select '{{ relation }}' as broken
    from {{ relation }}
    where {{ columns | join(' is null or ') }} is null
    union all
{% endfor -%}
{% for test in generic_tests() or [] if test.kind != 'not_null' -%}
    select '{{ test.name }}' as broken
    where exists ({{ context['test_' ~ test.kind](test.on, **test.given) }})
    union all
{% endfor -%}
select 'none' as broken
where false
