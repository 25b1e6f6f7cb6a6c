{# Every generic test of a stored table: its relation, the test's name in the project, and what it is given. A model
   that is never stored has none: the tables made of it are asked. #}
{% macro generic_tests() -%}
    {%- set found = [] -%}
    {%- set nodes = graph.nodes.values() if execute else [] -%}
    {%- for test in nodes if test.resource_type == 'test' and test.test_metadata -%}
        {%- set relation = graph.nodes[test.attached_node].relation_name -%}
        {%- if relation -%}
            {%- set given = {} -%}
            {%- for name, value in test.test_metadata.kwargs.items() if name != 'model' -%}
                {%- do given.update({name: value}) -%}
            {%- endfor -%}
            {%- do found.append({'name': test.name, 'kind': test.test_metadata.name, 'on': relation, 'given': given}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}


{# Columns that must be filled, by relation: each table is read once for all of its own. #}
{% macro required_columns() -%}
    {%- set required = {} -%}
    {%- for test in generic_tests() or [] if test.kind == 'not_null' -%}
        {%- do required.setdefault(test.on, []).append(adapter.quote(test.given.column_name)) -%}
    {%- endfor -%}
    {{ return(required) }}
{%- endmacro %}
