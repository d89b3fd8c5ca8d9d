{# The columns that close every table: what the rows of a group rest on. #}
{% macro lineage(rows) -%}
    max({{ rows }}.known_on) as known_on,
    {{ named('marts') }} as source,
    max({{ rows }}.loaded_at) as loaded_at
{%- endmacro %}
