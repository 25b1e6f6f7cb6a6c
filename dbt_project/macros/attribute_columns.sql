{# The attr_… columns that this company brought, each with a comma before it; none is fine. #}
{% macro attribute_columns(relation, alias) -%}
    {%- if execute -%}
        {%- for column in adapter.get_columns_in_relation(relation) if column.name.startswith('attr_') -%}
            , {{ alias }}.{{ adapter.quote(column.name) }}
        {% endfor -%}
    {%- else -%}
        -- attr_… columns: known when dbt runs
    {%- endif -%}
{%- endmacro %}
