{# A new generation may start as a copy of an earlier one, its base (infra/base.py). Then only rows that can
   differ are computed: what the first snapshot that differs, and all later ones, may use. It rests on the
   as-of rule: no row of a snapshot depends on rows that became known after it.

   Two incremental strategies say which rows of a copied table are replaced. Both compare instants of one
   column, `first_snapshot_at` unless the model's meta names another (`snapshot_column`). #}

{# In a model: true for the rows to compute; the others are there already. #}
{% macro is_recomputed(snapshot) -%}
    {%- set changes = ref('int_changes') -%}
    {%- if is_incremental() -%}
        {{ snapshot }} >= (select changes.changed_from from {{ changes }} as changes)
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}


{# Strategy of intermediate models and marts: the model gives the rows from the first changed snapshot on.
   A snapshot off the grid was that of the base's as_of, and is nobody's now. #}
{% macro get_incremental_recomputed_sql(arguments) -%}
    {%- set snapshot = snapshot_column() -%}
    delete from {{ arguments.target_relation }}
    where
        {{ snapshot }} >= (select changes.changed_from from {{ ref('int_changes') }} as changes)
        or {{ snapshot }} != {{ snapshot_before(snapshot) }};
    {{ insert_by_name(arguments) }};
    drop table {{ arguments.temp_relation }}
{%- endmacro %}


{# Strategy of staging: the model gives all rows, which costs little; the rows of a snapshot are written,
   which costs much, only if they differ from those that the copy holds. #}
{% macro get_incremental_changed_sql(arguments) -%}
    {%- set snapshot = snapshot_column() -%}
    {%- set differing = arguments.target_relation.identifier ~ '_differing' -%}
    create temp table {{ differing }} as
        select coalesce(fresh.first_snapshot_at, held.first_snapshot_at) as first_snapshot_at
        from ({{ digests(arguments.temp_relation, snapshot) }}) as fresh
        full join ({{ digests(arguments.target_relation, snapshot) }}) as held
            on fresh.first_snapshot_at = held.first_snapshot_at
        where (fresh.rows, fresh.digest) is distinct from (held.rows, held.digest);
    delete from {{ arguments.target_relation }}
    where {{ snapshot }} in (from {{ differing }});
    {{ insert_by_name(arguments) }}
    where {{ snapshot }} in (from {{ differing }});
    drop table {{ arguments.temp_relation }};
    drop table {{ differing }}
{%- endmacro %}


{% macro insert_by_name(arguments) -%}
    {#- attr_… columns come in the order in which the source names them -#}
    insert into {{ arguments.target_relation }} by name
    select * from {{ arguments.temp_relation }}
{%- endmacro %}


{% macro snapshot_column() -%}
    {{ config.get('meta', {}).get('snapshot_column', 'first_snapshot_at') }}
{%- endmacro %}


{# Rows by snapshot, reduced to their number and to a sum of hashes, which their order does not change. #}
{% macro digests(relation, snapshot, columns='*') -%}
    select {{ snapshot }} as first_snapshot_at, count(*) as rows, sum(hash(*columns({{ columns }}))) as digest
    from {{ relation }}
    group by all
{%- endmacro %}
