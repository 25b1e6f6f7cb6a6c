{# A test's query over every column of every table in the schema marts: an error that names the columns in
   which something looks like a phone, e-mail or id number (never a value), no row where nothing does.

   Texts are looked at value by value. Numbers can be a phone (11 digits, 13… to 19…) or a resident id (18
   digits); one in twenty of a column's numbers must be, for now and then a sum of money is. Rows taken over
   from the base are left out: it was tested by the same recipe.
   Columns in privacy.not_personal are let through: as `column`, or as `table.column`. #}
{% macro nothing_personal() -%}
    {%- set changes = ref('stg_changes') -%}
    {%- set texts = [] -%}
    {%- set numbers = {} -%}
    {%- for mart, column, type in columns_of_marts() if not is_exempt(column) -%}
        {%- if type.split('(')[0] in ('BIGINT', 'HUGEINT', 'UBIGINT', 'UHUGEINT', 'DOUBLE', 'FLOAT', 'DECIMAL') -%}
            {%- do numbers.setdefault(mart, []).append(column) -%}
        {%- elif not type.startswith(('TIME', 'DATE', 'BOOL')) and not type.endswith('INT') -%}
            {%- do texts.append([mart, column]) -%}
        {%- endif -%}
    {%- endfor -%}

    with texts as materialized (
        select null as place, null as v where false
        {%- for mart, column in texts %}
        union all
        select distinct {{ place(mart, column) }}, cast({{ quoted(column) }} as varchar)
        from marts.{{ mart }} {{ where_computed(mart, changes) }}
        {%- endfor %}
    )

    , numbers as (
        select null as place where false
        {%- for mart, columns in numbers.items() %}
        union all
        select unnest([
            {%- for column in columns %}
            {%- set number = quoted(column) %}
            case when count_if({{ number_looks_personal(number) }}) > count({{ number }}) / 20
                then {{ place(mart, column) }} end {{- ',' if not loop.last }}
            {%- endfor %}
        ])
        from marts.{{ mart }} {{ where_computed(mart, changes) }}
        {%- endfor %}
    )

    , found as (
        select place from texts where {{ looks_personal('v') }}
        union
        select place from numbers where place is not null
    )

    , named as (
        select string_agg(place, ', ' order by place) as places from found having count(*) > 0
    )

    -- as a condition: of the rows of a test dbt reads only how many there are
    select places from named
    where error(
        'in ' || places || ' something looks like a phone, e-mail or id number: name the column in privacy.personal, '
        || 'or in privacy.not_personal if it only looks so'
    ) is null
{%- endmacro %}


{# [table, column, type] of all that stands in the schema marts. #}
{% macro columns_of_marts() -%}
    {%- set query -%}
        select table_name, column_name, data_type
        from duckdb_columns()
        where database_name = current_database() and schema_name = 'marts'
    {%- endset -%}
    {{ return(run_query(query).rows | list if execute else []) }}
{%- endmacro %}


{% macro is_exempt(column) -%}
    {%- set exempt = [] -%}
    {%- for name in var('not_personal') if name == column or name.endswith('.' ~ column) -%}
        {%- do exempt.append(name) -%}
    {%- endfor -%}
    {{ return(exempt | length > 0) }}
{%- endmacro %}


{% macro place(mart, column) -%}
    '{{ (mart ~ '.' ~ column) | replace("'", "''") }}'
{%- endmacro %}


{# A case, so that the second half is computed for large numbers alone. #}
{% macro number_looks_personal(number) -%}
    case when {{ number }} >= 13000000000 then {{ number }} = floor({{ number }})
        and ({{ number }} <= 19999999999 or {{ number }} between 11e16 and 83e16) end
{%- endmacro %}
