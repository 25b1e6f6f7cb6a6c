{# What people may see of a personal detail. None of these needs a key, none shows a whole value, and what
   does not have the form of its kind is not shown at all. Letters are graphemes: an accent stays on its letter. #}

{# 13812341234, 138-1234-1234 → 138****1234; under eleven digits too little would be hidden #}
{% macro mask_phone(phone) -%}
    {%- set digits = "regexp_replace(regexp_replace(trim(" ~ phone ~ "), '\\.0$', ''), '[^0-9]', '', 'g')" -%}
    case
        when
            regexp_full_match(trim({{ phone }}), '\+?[0-9 ()./-]+') and length({{ digits }}) between 11 and 15
            then left({{ digits }}, 3) || '****' || right({{ digits }}, 4)
        when {{ phone }} is not null then '****'
    end
{%- endmacro %}


{# ada@example.com → a***@example.com; a@example.com → ***@example.com #}
{% macro mask_email(email) -%}
    {%- set mailbox = "split_part(trim(" ~ email ~ "), '@', 1)" -%}
    case
        when regexp_full_match(trim({{ email }}), '{{ email_pattern() }}')
            then
                case when length_grapheme({{ mailbox }}) > 1 then left_grapheme({{ mailbox }}, 1) else '' end
                || '***@' || split_part(trim({{ email }}), '@', 2)
        when {{ email }} is not null then '***'
    end
{%- endmacro %}


{# Ada Lovelace → A***; 李 → *** #}
{% macro mask_name(name) -%}
    case
        when length_grapheme(trim({{ name }})) > 1 then left_grapheme(trim({{ name }}), 1) || '***'
        when {{ name }} is not null then '***'
    end
{%- endmacro %}


{# 110101199001011234 → ***1234; under eight characters too little would be hidden #}
{% macro mask_id_number(id_number) -%}
    {%- set characters = "regexp_replace(" ~ id_number ~ ", '[^0-9A-Za-z]', '', 'g')" -%}
    case
        when length({{ characters }}) >= 8 then '***' || right({{ characters }}, 4)
        when {{ id_number }} is not null then '***'
    end
{%- endmacro %}


{# 12 Main Street, Springfield → ***: its last word may be the house number, or a village of one family #}
{% macro mask_address(address) -%}
    case when {{ address }} is not null then '***' end
{%- endmacro %}


{# The mask of a kind of personal column (raw.personal_columns). #}
{% macro masked(value, kind) -%}
    {%- if kind == 'phone' -%} {{ mask_phone(value) }}
    {%- elif kind == 'email' -%} {{ mask_email(value) }}
    {%- elif kind == 'name' -%} {{ mask_name(value) }}
    {%- elif kind == 'id_number' -%} {{ mask_id_number(value) }}
    {%- elif kind == 'text' -%} {{ redacted(value) }}
    {%- else -%} {{ mask_address(value) }}
    {%- endif -%}
{%- endmacro %}
