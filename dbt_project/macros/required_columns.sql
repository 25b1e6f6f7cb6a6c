{# Every column with a not_null test, by the relation it belongs to. A model that is never stored has none: the
   tables made of it are asked. #}
{% macro required_columns() -%}
    {%- set required = {} -%}
    {%- if execute -%}
        {%- for test in graph.nodes.values() if test.resource_type == 'test' -%}
            {%- if (test.test_metadata or {}).get('name') == 'not_null' -%}
                {%- set relation = graph.nodes[test.attached_node].relation_name -%}
                {%- if relation -%}
                    {%- do required.setdefault(relation, []).append(adapter.quote(test.column_name)) -%}
                {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(required) }}
{%- endmacro %}
