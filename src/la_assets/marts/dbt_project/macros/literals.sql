{# A text as a column: Redshift gives a bare one no type, and cannot compare it. #}
{% macro named(text) %}cast('{{ text | replace("'", "''") }}' as varchar(256)){% endmacro %}
