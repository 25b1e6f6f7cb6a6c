{# The age band that the company keeps, else the decade of the age at a snapshot; no age where the month of
   birth cannot be true. #}
{% macro age_band(customers, snapshot) -%}
    {%- set age -%} date_sub('year', {{ customers }}.birth_month, {{ snapshot }}) {%- endset -%}
    coalesce(
        {{ customers }}.age_band
        , if({{ age }} between 0 and 120, cast(10 * ({{ age }} // 10) as varchar) || 's', null)
    )
{%- endmacro %}
