{# What landing found personal in a table of the raw zone, column → kind (infra/privacy/personal_columns.py). #}
{% macro personal_columns(table) -%}
    {%- set found = {} -%}
    {%- set relation = source('raw', 'personal_columns') -%}
    {%- if execute -%}
        {%- set query -%}
            select column_name, kind from {{ relation }} where table_name = '{{ table }}'
        {%- endset -%}
        {%- for row in run_query(query).rows -%}
            {%- do found.update({row[0]: row[1]}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}


{# A free-text column of a raw table: as it is, unless something personal was found in it. #}
{% macro shown_text(table, column) -%}
    {%- set kind = personal_columns(table).get(column) if execute -%}
    {%- if kind -%} {{ masked(column, kind) }} as {{ column }} {%- else -%} {{ column }} {%- endif -%}
{%- endmacro %}


{# The attr_… columns for staging, each with a comma before it: personal ones masked, as attr_…_masked, so
   that nothing takes them for what they were. Where only something in a text was personal, the text remains. #}
{% macro staged_attribute_columns(relation, alias) -%}
    {%- if execute -%}
        {%- set personal = personal_columns(relation.identifier) -%}
        {%- for column in adapter.get_columns_in_relation(relation) if column.name.startswith('attr_') -%}
            {%- set value = alias ~ '.' ~ quoted(column.name) -%}
            {%- set kind = personal.get(column.name, '') -%}
            , {{ masked(value, kind) if kind else value }} as
            {{- ' ' ~ quoted(column.name ~ ('_masked' if kind not in ('', 'text') else '')) }}
        {% endfor -%}
    {%- else -%}
        -- attr_… columns: known when dbt runs
    {%- endif -%}
{%- endmacro %}
