{# The attr_… columns that this company brought, each with a comma before it; none is fine.
   With a prefix they are given another name: customer_attr_… #}
{% macro attribute_columns(relation, alias, prefix='') -%}
    {%- if execute -%}
        {%- for column in adapter.get_columns_in_relation(relation) if column.name.startswith('attr_') -%}
            , {{ alias }}.{{ adapter.quote(column.name) }} as {{ adapter.quote(prefix ~ column.name) }}
        {% endfor -%}
    {%- else -%}
        -- attr_… columns: known when dbt runs
    {%- endif -%}
{%- endmacro %}
