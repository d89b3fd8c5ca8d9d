{#
  Small cells, in rows of (members, with_property, value) by `cell`. A cell is small if it has members but fewer than min_cell, or, for
  a share, if the members with the property or those without are 1 .. min_cell - 1. Where just one cell of a total (`total`: the
  columns that all cells of a published total share) is small, it could be had by subtraction; so the smallest other cell is
  withheld as well. Nothing is withheld of a cell without members: there is nothing to tell. Of equally small other cells it is the
  first by `cell` (the column that tells them apart), every time: two builds that withhold different ones would together tell all.
#}
{% macro suppressed(measured, total, cell) %}
    select
        marked.*,
        is_small or (small_cells = 1 and size_rank = 1) as is_suppressed
    from (
        select
            judged.*,
            sum(case when is_small then 1 else 0 end) over (partition by {{ total | join(', ') }}) as small_cells,
            row_number() over (
                partition by {{ total | join(', ') }}
                order by case when is_small or members = 0 then 1 else 0 end, members, {{ cell }}
            ) as size_rank
        from (
            select
                measured.*,
                members > 0 and (
                    members < {{ var('min_cell') }}
                    or coalesce(with_property between 1 and {{ var('min_cell') }} - 1, false)
                    or coalesce(members - with_property between 1 and {{ var('min_cell') }} - 1, false)
                ) as is_small
            from ({{ measured }}) as measured
        ) as judged
    ) as marked
{% endmacro %}
