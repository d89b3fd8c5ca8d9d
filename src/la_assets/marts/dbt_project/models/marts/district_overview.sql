-- The district's school year in one row; shares and means of its students, small cells withheld.
with told as (
    {{ suppressed(measured(ref('student_360'), ['school_year']), ['school_year', 'measure'], 'school_year') }}
),

wide as (
    select
        school_year,
        {{ told_columns() }}
    from told
    group by school_year
),

counted as (
    select
        school_year,
        count(*) as students,
        count(distinct school_id) as schools,
        {{ lineage('students') }}
    from {{ ref('student_360') }} as students
    group by school_year
)

select
    wide.*,
    counted.students,
    counted.schools,
    counted.known_on,
    counted.source,
    counted.loaded_at
from wide
inner join counted on wide.school_year = counted.school_year
