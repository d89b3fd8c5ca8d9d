{# A count that is 0 for who has no rows, but missing where the whole year has none: nothing sent is not nothing done. #}
{% macro missing_or_zero(count, year_has_rows) -%}
  case when {{ year_has_rows }} then coalesce({{ count }}, 0) end
{%- endmacro %}
