{#
  Where a build keeps things. DuckDB has a file of its own for each build, so models and sources have the names that readers know. Redshift
  is one database for all: there a build has a schema of its own, which holds its models, and its sources as "schema__table".
#}
{% macro duckdb__generate_schema_name(custom_schema_name, node) %}{{ return(custom_schema_name or target.schema) }}{% endmacro %}
{% macro redshift__generate_schema_name(custom_schema_name, node) %}{{ return(target.schema) }}{% endmacro %}

{% macro source(schema, table) %}{{ return(adapter.dispatch('offered', 'marts')(builtins.source(schema, table))) }}{% endmacro %}
{% macro duckdb__offered(table) %}{{ return(table) }}{% endmacro %}
{% macro redshift__offered(table) %}
  {{ return(api.Relation.create(database=table.database, schema=target.schema, identifier=table.schema ~ '__' ~ table.identifier)) }}
{% endmacro %}
