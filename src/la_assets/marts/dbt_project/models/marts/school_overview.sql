-- A school's year in one row; shares and means of the students whose school it is, small cells withheld with complements.
with placed as (
    select * from {{ ref('student_360') }} where school_id is not null
),

told as (
    {{ suppressed(measured('placed', ['school_id', 'school_year']), ['school_year', 'measure'], 'school_id') }}
),

wide as (
    select
        school_id,
        school_year,
        {{ told_columns() }}
    from told
    group by school_id, school_year
),

counted as (
    select
        school_id,
        school_year,
        count(*) as students,
        {{ lineage('placed') }}
    from placed
    group by school_id, school_year
)

select
    wide.*,
    schools.level,
    counted.students,
    counted.known_on,
    counted.source,
    counted.loaded_at
from wide
inner join counted on wide.school_id = counted.school_id and wide.school_year = counted.school_year
left join {{ source('roster', 'schools') }} as schools
    on wide.school_id = schools.school_id and wide.school_year = schools.school_year
