{# What people may see of a personal detail. None of these needs a key. #}

{# 13812341234 → 138****1234 #}
{% macro mask_phone(phone) -%}
    case
        when length({{ phone }}) >= 11 then left({{ phone }}, 3) || '****' || right({{ phone }}, 4)
        when {{ phone }} is not null then '****'
    end
{%- endmacro %}


{# ada@example.com → a***@example.com #}
{% macro mask_email(email) -%}
    case
        when contains({{ email }}, '@') then left({{ email }}, 1) || '***@' || split_part({{ email }}, '@', -1)
        when {{ email }} is not null then '***'
    end
{%- endmacro %}


{# Ada Lovelace → A*** #}
{% macro mask_name(name) -%}
    left({{ name }}, 1) || '***'
{%- endmacro %}


{# 110101199001011234 → ***1234 #}
{% macro mask_id_number(id_number) -%}
    case
        when length({{ id_number }}) >= 8 then '***' || right({{ id_number }}, 4)
        when {{ id_number }} is not null then '***'
    end
{%- endmacro %}
