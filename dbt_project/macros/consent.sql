{# Whether an answer lets us: what silence means is a setting, and a question that is never asked stands open. #}
{% macro is_granted(answer, is_asked) -%}
    case {{ answer }}
        when 'granted' then true
        when 'denied' then false
        else not {{ is_asked }} or {{ 'true' if var('unanswered_consent') == 'granted' else 'false' }}
    end
{%- endmacro %}
