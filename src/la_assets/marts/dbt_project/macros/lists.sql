{# A list of texts as one text; and the words of a list of reasons. Each engine has its own way with lists. #}
{% macro listed(column) %}{{ return(adapter.dispatch('listed', 'marts')(column)) }}{% endmacro %}
{% macro duckdb__listed(column) %}nullif(array_to_string({{ column }}, ', '), ''){% endmacro %}
{% macro redshift__listed(column) %}nullif(array_to_string({{ column }}, ', '), ''){% endmacro %}

{% macro reason_words(column) %}{{ return(adapter.dispatch('reason_words', 'marts')(column)) }}{% endmacro %}
{% macro duckdb__reason_words(column) %}nullif(array_to_string(list_transform({{ column }}, lambda reason: reason.text), '; '), ''){% endmacro %}
