{# What personal data look like inside a text: RE2 patterns, without look-around. The one definition:
   infra/privacy/personal_data.py renders this very file, so nothing in it may need dbt.

   Bare digits are taken for a phone only where their form leaves no doubt (Chinese mobiles); any other
   national number must be written as people write phones, or else it might as well be an article number. #}

{# Where a number begins: not inside a longer number, a word, a decimal fraction or a code such as SKU-138…
   It is the first group of a pattern, so that a replacement can put it back. #}
{% macro number_start() -%}
    (^|[^0-9A-Za-z_.-]|[^0-9]\.|[^0-9A-Za-z]-)
{%- endmacro %}


{% macro phone_pattern() -%}
    {%- set forms = [
        '(?:86[ -])?1[3-9]\d[ -]?\d{4}[ -]?\d{4}',
        '\+[1-9](?:[ ()./-]{0,2}\d){7,14}',
        '(?:1[-. ])?(?:\(\d{3}\) ?|[2-9]\d{2}[-.])\d{3}[-. ]\d{4}',
        '0[1-9]\d{1,3}[ /-]\d{6,8}',
        '0\d{1,4}(?:-\d{3,4}-\d{4}| \d{3,4} \d{3,4})',
        '0\d(?:(?: \d\d){4}|(?:\.\d\d){4}|(?:-\d\d){4})',
    ] -%}
    {#- Chinese mobile · international · North American · German, Chinese landline · British, Japanese · French -#}
    {{ number_start() }}(?:{{ forms | join('|') }})\b
{%- endmacro %}


{# Any letters, not only Latin ones; an asterisk before the @ is a mask. #}
{% macro email_pattern() -%}
    {%- set label = '[^\s@*<>(),;:"/.]+' -%}
    [^\s@*<>(),;:"/]+@(?:{{ label }}\.)+[^\s@*<>(),;:"/.0-9]{2,}
{%- endmacro %}


{% macro id_number_pattern() -%}
    {%- set forms = [
        '[1-9]\d{5}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]',
        '[0-8]\d\d-\d\d-\d{4}',
        '(?:4\d|5[1-5]|2[2-7]|35|6\d)\d\d(?:[ -]\d{4}){3}',
        '(?:' ~ iban_countries() ~ ')\d\d(?:[A-Z0-9]{4}\d{7}[A-Z0-9]{0,15}'
        ~ '| [A-Z0-9]{4} \d{4} \d{3}[A-Z0-9](?: [A-Z0-9]{4}){0,4}(?: [A-Z0-9]{1,3})?| [A-Z0-9]{4} \d{4} \d{3})',
    ] -%}
    {#- Chinese resident id: the birth date in it tells it from other numbers · US social security · card · IBAN -#}
    {{ number_start() }}(?:{{ forms | join('|') }})\b
{%- endmacro %}


{% macro iban_countries() -%}
    A[DELTZ]|B[AEGHRY]|C[HRYZ]|D[EKO]|E[EGS]|F[IKOR]|G[BEILRT]|H[RU]|I[ELQST]|JO|K[WZ]|L[BCITUVY]|M[CDEKNRTU]|N[ILO]|P[KLST]|QA|R[OSU]|S[ACDEIKMOTV]|T[LNR]|UA|V[AG]|XK
{%- endmacro %}


{# Whether a text holds a phone, an e-mail address or an id number. #}
{% macro looks_personal(value) -%}
    regexp_matches({{ value }}, '{{ phone_pattern() }}|{{ email_pattern() }}|{{ id_number_pattern() }}')
{%- endmacro %}


{# A free text without the phones, e-mail addresses and id numbers in it. Nothing of them is shown: nobody
   needs to recognise a customer by a product's description. Twice, because what stood between two of them
   may have hidden the second. #}
{% macro redacted(value) -%}
    {{ redacted_once(redacted_once(value)) }}
{%- endmacro %}


{% macro redacted_once(value) -%}
    regexp_replace(regexp_replace(regexp_replace({{ value }}
        , '{{ email_pattern() }}', '***', 'g')
        , '{{ id_number_pattern() }}', '\1***', 'g')
        , '{{ phone_pattern() }}', '\1****', 'g')
{%- endmacro %}
