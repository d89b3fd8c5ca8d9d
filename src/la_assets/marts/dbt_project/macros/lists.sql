{#
  A row for each row of `rows` (told apart by `key`) that has words in a list: those of the list joined to one text, in the list's order.
  `part` names the part of an item that is its word, where items have parts. Nulls and empty words are left out.
  Redshift: lists are SUPER; "Querying semi-structured data" and "LISTAGG" of its Developer Guide.
#}
{% macro words_of(rows, key, list, part=none, separator=', ') %}
  {{ return(adapter.dispatch('words_of', 'marts')(rows, key, list, part, separator)) }}
{% endmacro %}

{% macro duckdb__words_of(rows, key, list, part, separator) %}
    select
        {{ key | join(', ') }},
        nullif(array_to_string(
            list_filter(list_transform({{ list }}, lambda item: {{ _word(part) }}), lambda word: word <> ''), '{{ separator }}'
        ), '') as words
    from {{ rows }}
{% endmacro %}

{% macro redshift__words_of(rows, key, list, part, separator) %}
    select
        {% for column in key %}listed.{{ column }}, {% endfor %}
        nullif(listagg(cast({{ _word(part) }} as varchar(65535)), '{{ separator }}') within group (order by nth), '') as words
    from {{ rows }} as listed, listed.{{ list }} as item at nth
    group by {% for column in key %}listed.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
{% endmacro %}

{% macro _word(part) %}item{% if part %}."{{ part }}"{% endif %}{% endmacro %}
