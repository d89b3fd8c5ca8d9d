{# A share or mean of a group is told only of min_cell students or more. #}
{% test nothing_small_is_told(model) %}
select *
from {{ model }}
where students < {{ var('min_cell') }}
  and coalesce(
    {% for measure in (shares().keys() | list) + (means().keys() | list) %}{{ measure }}{{ ', ' if not loop.last }}{% endfor %}
  ) is not null
{% endtest %}
