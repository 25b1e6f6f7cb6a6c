{# The instant this generation knows the world up to. #}
{% macro as_of() -%}
    (select cycle.as_of from {{ source('cycle', 'cycle') }} as cycle)
{%- endmacro %}


{# True for rows that had happened and had arrived by as_of. #}
{% macro is_known(event_time) -%}
    {{ event_time }} < {{ as_of() }} and landed_at <= {{ as_of() }}
{%- endmacro %}


{# Where the 7-day grid of snapshots is counted from: a Monday. #}
{% macro grid_origin() -%}
    timestamp '1970-01-05'
{%- endmacro %}


{# The latest snapshot on the grid that is not after an instant. #}
{% macro snapshot_before(instant) -%}
    time_bucket(interval 7 day, {{ instant }}, {{ grid_origin() }})
{%- endmacro %}


{# The first snapshot on the grid that may use what arrived at an instant. #}
{% macro first_grid_snapshot(landed_at) -%}
    {{ snapshot_before(landed_at ~ ' - interval 1 microsecond') }} + interval 7 day
{%- endmacro %}


{# The first snapshot that may use a row: later than the event, not earlier than its arrival.
   The snapshot at as_of knows every row that staging let through. #}
{% macro first_snapshot_at(event_time) -%}
    least(
        greatest(
            {{ snapshot_before(event_time) }} + interval 7 day,
            {{ first_grid_snapshot('landed_at') }}
        ),
        {{ as_of() }}
    )
{%- endmacro %}


{# Days from one instant to a later one, with fractions. #}
{% macro days_between(earlier, later) -%}
    (epoch({{ later }} - {{ earlier }}) / 86400.0)
{%- endmacro %}


{# Exponential decay over the days between two instants; `life` is the mean life in days. #}
{% macro decay(earlier, later, life) -%}
    exp(-{{ days_between(earlier, later) }} / {{ life }}.0)
{%- endmacro %}
