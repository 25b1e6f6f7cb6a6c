{# The attr_… columns that this company brought and models may learn from, each with a comma before it; none
   is fine. With a prefix they are given another name: customer_attr_… Personal ones are left out: a masked phone
   tells a model nothing, and a person too much. #}
{% macro attribute_columns(relation, alias, prefix='') -%}
    {%- set personal = personal_columns('customers') -%}
    {%- if execute -%}
        {%- for column in adapter.get_columns_in_relation(relation) if column.name.startswith('attr_') -%}
            {%- set base = column.name.removesuffix('_masked') -%}
            {%- if personal.get(base, 'text') == personal.get(column.name, 'text') == 'text' %}
            , {{ alias }}.{{ quoted(column.name) }} as {{ quoted(prefix ~ column.name) }}
            {%- endif -%}
        {% endfor -%}
    {%- else -%}
        -- attr_… columns: known when dbt runs
    {%- endif -%}
{%- endmacro %}


{# A company's own column name as an identifier; the adapter's quote() does not mind quotes inside. #}
{% macro quoted(name) -%}
    "{{ name | replace('"', '""') }}"
{%- endmacro %}
