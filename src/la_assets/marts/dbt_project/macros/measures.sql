{#
  What is told of a group of students. A share is of the students for whom the property is known; a mean is over those with a value.
  Adding a measure here adds it to the class, school and district overviews (name the column there and in the contract).
#}
{% macro shares() %}
  {% do return({
    'chronic_absence_share': 'chronically_absent',
    'suspended_share': 'suspensions > 0',
    'course_failure_share': 'fs > 0',
    'proficient_ela_share': 'ela_level >= ' ~ var('proficient_level'),
    'proficient_math_share': 'math_level >= ' ~ var('proficient_level'),
    'tier_3_ela_share': 'ela_tier = 3',
    'tier_3_math_share': 'math_tier = 3',
    'raised_dropout_risk_share': "dropout_risk_level in ('Medium', 'High')",
  }) %}
{% endmacro %}

{% macro means() %}
  {% do return({'mean_attendance_rate': 'attendance_rate', 'mean_gpa': 'gpa'}) %}
{% endmacro %}

{# A sum that does not depend on the order of the rows, to the last digit: of decimals, not of floats. #}
{% macro exact_sum(column, places=9) -%}
  sum(cast({{ column }} as decimal(18, {{ places }})))
{%- endmacro %}

{# A row per group and measure: members, members with the property (missing for a mean), value. #}
{% macro measured(rows, by) %}
  {% for measure, property in shares().items() %}
    select
        {{ by | join(', ') }}, {{ named(measure) }} as measure,
        count({{ property }}) as members,
        sum(case when {{ property }} then 1 else 0 end) as with_property,
        cast(sum(case when {{ property }} then 1 else 0 end) as double precision) / nullif(count({{ property }}), 0) as value
    from {{ rows }}
    group by {{ by | join(', ') }}
    union all
  {% endfor %}
  {% for measure, column in means().items() %}
    select
        {{ by | join(', ') }}, {{ named(measure) }}, count({{ column }}), cast(null as bigint), cast({{ exact_sum(column) }} as double precision) / nullif(count({{ column }}), 0)
    from {{ rows }}
    group by {{ by | join(', ') }}
    {{ 'union all' if not loop.last }}
  {% endfor %}
{% endmacro %}

{# One column per measure, missing where not told, and the names of those not told for being small. #}
{% macro told_columns() %}
    {% for measure in (shares().keys() | list) + (means().keys() | list) %}
    max(case when measure = '{{ measure }}' and not is_suppressed then value end) as {{ measure }},
    {% endfor %}
    nullif({{ dbt.listagg("case when is_suppressed then measure end", "', '", "order by measure") }}, '') as suppressed
{% endmacro %}
