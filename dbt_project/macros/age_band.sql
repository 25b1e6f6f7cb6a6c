{# The age band that the company keeps, else the decade of the age at a snapshot; none for those not born yet or
   older than 110 (1900-01-01 often stands for a birth date nobody knows). #}
{% macro age_band(customers, snapshot) -%}
    {%- set age -%} date_sub('year', {{ customers }}.birth_month, {{ snapshot }}) {%- endset -%}
    coalesce(
        {{ customers }}.age_band
        , if(
            {{ customers }}.birth_month <= {{ snapshot }} and {{ age }} <= 110
            , cast(10 * ({{ age }} // 10) as varchar) || 's'
            , null
        )
    )
{%- endmacro %}
