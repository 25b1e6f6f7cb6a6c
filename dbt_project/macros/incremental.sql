{# A new generation may start as a copy of an earlier one, its base (infra/base.py). Then only rows that can
   differ are computed: those that the first changed snapshot, or a later one, is the first to use. It rests on
   the as-of rule: no row of a snapshot depends on rows that became known after it.

   A model that takes part is incremental, with the strategy `recomputed`, and asks is_recomputed of the column
   that holds the snapshot: `first_snapshot_at`, or what its meta calls `snapshot_column`. #}

{# In a model: true for the rows to compute; the others are there already. #}
{% macro is_recomputed(snapshot) -%}
    {%- set changes = ref('stg_changes') -%}
    {%- if is_incremental() -%}
        {{ snapshot }} >= (select changes.changed_from from {{ changes }} as changes)
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}


{# Of a copied row: true when it still holds. #}
{% macro is_taken_over(snapshot) -%}
    {{ snapshot }} < (select changes.changed_from from {{ ref('stg_changes') }} as changes)
{%- endmacro %}


{# Of a table: the condition that picks the rows this generation computed, for tests that look at row by row what
   the same recipe has tested before; `changes` is stg_changes. Nothing is left out of a table that takes no part. #}
{% macro where_computed(table, changes) -%}
    {%- for node in graph.nodes.values() if node.name == table -%}
        {%- if node.config.incremental_strategy == 'recomputed' -%}
            where {{ snapshot_column(node.config) }} >= (select changes.changed_from from {{ changes }} as changes)
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{% macro snapshot_column(config) -%}
    {{- config.get('meta', {}).get('snapshot_column', 'first_snapshot_at') -}}
{%- endmacro %}


{# Let the computed rows take the place of those of the same snapshots. Columns by name: attr_… come in the
   order in which a source has them. #}
{% macro get_incremental_recomputed_sql(arguments) -%}
    delete from {{ arguments.target_relation }}
    where not {{ is_taken_over(snapshot_column(config)) }};
    insert into {{ arguments.target_relation }} by name
    select * from {{ arguments.temp_relation }};
    drop table {{ arguments.temp_relation }}
{%- endmacro %}


{# The known rows of a raw table, each with its hash and the first snapshot that may use it. #}
{% macro hashed_rows(table, event_time) -%}
    select
        customer_id,
        product_id,
        {{ first_snapshot_at(event_time) }} as first_snapshot_at,
        hash(*columns(*)) as row_hash
    from {{ source('raw', table) }}
    where {{ is_known(event_time) }}
{%- endmacro %}
